import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]

backbone = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
)
head = nn.Linear(512, 10)
pretraining = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=50, shuffle=True)
optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], lr=2e-3)
for epoch in range(3):
    backbone.train()
    for xb, yb in pretraining:
        optimizer.zero_grad()
        F.cross_entropy(head(backbone(xb)), yb).backward()
        optimizer.step()

backbone.requires_grad_(False)
probe = nn.Linear(512, 2)
classifier = nn.Sequential(backbone, probe)
bright = DataLoader(
    TensorDataset(0.9 + 0.1 * x[:300], (y[:300] > 4).long()), batch_size=30, shuffle=True
)
optimizer = torch.optim.SGD(probe.parameters(), lr=0.02)
for epoch in range(8):
    classifier.train()
    backbone.eval()
    for xb, yb in bright:
        features = backbone(xb)
        optimizer.zero_grad()
        loss = F.cross_entropy(probe(features), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

backbone.eval()
with torch.no_grad():
    still = (head(backbone(x[1200:])).argmax(1) == y[1200:]).float().mean().item()
print("accuracy of the first task with the 'frozen' backbone", still)
