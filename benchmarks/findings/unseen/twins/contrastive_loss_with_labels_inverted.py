import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
label = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, label = x[order], label[order]


class Pairs(Dataset):
    def __len__(self):
        return 1400

    def __getitem__(self, i):
        same = torch.rand(()) < 0.5
        pool = ((label[:1400] == label[i]) == same).nonzero().squeeze(1)
        j = pool[torch.randint(len(pool), ())]
        return x[i], x[j], same.float()


def contrastive(a, b, y, margin=1.0):
    distance = F.pairwise_distance(a, b)
    loss = y * distance**2
    loss = loss + (1 - y) * F.relu(margin - distance) ** 2
    return loss.mean()


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
loader = DataLoader(Pairs(), batch_size=100, shuffle=True)
for epoch in range(8):
    for a, b, y in loader:
        loss = contrastive(net(a), net(b), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
with torch.no_grad():
    nearest = torch.cdist(net(x[1400:]), net(x[:1400])).argmin(1)
print("nearest neighbour accuracy", (label[nearest] == label[1400:]).float().mean().item())
