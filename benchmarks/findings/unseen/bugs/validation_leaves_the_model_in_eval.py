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
noisy = y[:300].clone()
noisy[::3] = torch.randint(0, 10, (100,))
train_loader = DataLoader(TensorDataset(x[:300], noisy), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(x[300:], y[300:]), batch_size=200)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.5),
    nn.Linear(256, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def validate():
    model.eval()
    with torch.no_grad():
        right = [(model(xb).argmax(1) == yb).float() for xb, yb in val_loader]
    return torch.cat(right).mean().item()


step = 0
model.train()
for epoch in range(25):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 10 == 0:
            accuracy = validate()
    print(f"epoch {epoch}: loss {loss.item():.4f}, accuracy {accuracy:.3f}")
