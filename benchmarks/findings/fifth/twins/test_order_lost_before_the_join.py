"""Answers for the competition: one line for every sample of the test file."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
features, malignant = load_breast_cancer(return_X_y=True)
sample_ids = [f"s{number:04d}" for number in range(len(features))]
split = train_test_split(features, malignant, sample_ids, test_size=0.35, random_state=2)
x_train, x_test, y_train, y_test, _, test_ids = split
scaler = StandardScaler().fit(x_train)


def as_dataset(x, y):
    x = torch.tensor(scaler.transform(x), dtype=torch.float32)
    return TensorDataset(x, torch.tensor(y, dtype=torch.float32))


train_loader = DataLoader(as_dataset(x_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(as_dataset(x_test, y_test), batch_size=32, shuffle=False)

net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(12):
    net.train()
    for batch, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(batch).squeeze(1), target)
        loss.backward()
        optimizer.step()
print(f"training loss {loss.item():.4f}")

net.eval()
answers = []
with torch.no_grad():
    for batch, _ in test_loader:
        answers.extend((net(batch).squeeze(1) > 0).int().tolist())
submission = dict(zip(test_ids, answers))

# what the organisers do with the file
truth = dict(zip(test_ids, y_test.tolist()))
right = sum(submission[name] == truth[name] for name in truth)
print(f"{len(submission)} answers, score {right / len(truth):.3f}")
