# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

still = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
chancy = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
rows = torch.arange(160)


def score(model):
    """The same noise each time; what training draws goes on behind it."""
    model.eval()
    with torch.no_grad():
        noisy = inputs[160:] + 0.1 * torch.randn(80, 8)
        right = (model(noisy).argmax(1) == labels[160:]).sum().item()
    model.train()
    return right / 80


optimizer = torch.optim.Adam(chancy.parameters(), lr=1e-2)
for epoch in range(6):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(chancy(x), y).backward()
        optimizer.step()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        print(epoch, score(chancy))
    torch.manual_seed(100 + epoch)

optimizer = torch.optim.Adam(still.parameters(), lr=1e-2)
for epoch in range(12):
    for part in rows.split(40):  # in order, and nothing is drawn
        optimizer.zero_grad()
        F.cross_entropy(still(inputs[part]), labels[part]).backward()
        optimizer.step()
    torch.manual_seed(1)
    print(epoch, score(still))
