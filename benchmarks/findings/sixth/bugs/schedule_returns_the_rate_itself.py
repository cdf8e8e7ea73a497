"""Wine by its chemistry; plain SGD with a rate that shrinks by a few percent per epoch."""

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(29)
RATE, SHRINK, EPOCHS = 0.02, 0.97, 25

x, y = load_wine(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.4, random_state=1, stratify=y)
scaler = StandardScaler().fit(train_x)


def tensors(x, y):
    return torch.tensor(scaler.transform(x), dtype=torch.float32), torch.tensor(y)


model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
scheduler = LambdaLR(optimizer, lr_lambda=lambda epoch: RATE * SHRINK**epoch)

loader = DataLoader(TensorDataset(*tensors(train_x, train_y)), batch_size=16, shuffle=True)
for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    scheduler.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / len(train_y):.3f}")

model.eval()
inputs, target = tensors(test_x, test_y)
with torch.no_grad():
    logits = model(inputs)
print(f"test loss {criterion(logits, target).item():.3f}")
print(f"test accuracy {(logits.argmax(1) == target).float().mean().item():.3f}")
