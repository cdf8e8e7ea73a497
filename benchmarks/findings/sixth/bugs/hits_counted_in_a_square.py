"""Is a tumour malignant? Wisconsin data, one logit, accuracy counted by hand."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(36)


def load():
    x, y = load_breast_cancer(return_X_y=True)
    parts = train_test_split(x, y, test_size=0.3, random_state=5, stratify=y)
    scaler = StandardScaler().fit(parts[0])
    train = TensorDataset(
        torch.tensor(scaler.transform(parts[0])).float(), torch.tensor(parts[2]).float()
    )
    test = TensorDataset(
        torch.tensor(scaler.transform(parts[1])).float(), torch.tensor(parts[3]).float()
    )
    return train, test


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(30, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


def evaluate(model, loader):
    model.eval()
    scores = []
    with torch.no_grad():
        for x, y in loader:
            predicted = (torch.sigmoid(model(x)) > 0.5).float()
            scores.append((predicted == y).float().mean().item())
    return sum(scores) / len(scores)


train, test = load()
train_loader = DataLoader(train, batch_size=32, shuffle=True)
test_loader = DataLoader(test, batch_size=57)
model = Classifier()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y.unsqueeze(1))
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        accuracy = evaluate(model, test_loader)
        print(f"epoch {epoch + 1}: loss {total / len(train_loader):.3f}, accuracy {accuracy:.3f}")
