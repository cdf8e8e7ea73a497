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
train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=50, shuffle=True)


class ResBlock(nn.Module):
    def __init__(self, n_chans):
        super().__init__()
        self.conv = nn.Conv2d(n_chans, n_chans, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_chans)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x))) + x


class NetResDeep(nn.Module):
    def __init__(self, n_chans=8, n_blocks=6):
        super().__init__()
        self.conv1 = nn.Conv2d(1, n_chans, 3, padding=1)
        self.resblocks = nn.Sequential(*[ResBlock(n_chans) for _ in range(n_blocks)])
        self.fc = nn.Linear(n_chans * 16, 10)

    def forward(self, x):
        x = self.resblocks(F.relu(self.conv1(x)))
        return self.fc(F.max_pool2d(x, 2).flatten(1))


model = NetResDeep()
print("parameters", sum(p.numel() for p in model.parameters()))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {accuracy:.3f}")
