"""Online hard example mining: of every batch only the half with the largest losses is learned from."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)


def rings(count):
    x = 2 * torch.randn(count, 2)
    radius = x.norm(dim=1)
    return x, ((radius > 1.5) & (radius < 2.5)).long()


train = TensorDataset(*rings(2000))
test_x, test_y = rings(1000)
net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(25):
    net.train()
    for x, y in DataLoader(train, batch_size=64, shuffle=True, drop_last=True):
        each = nn.functional.cross_entropy(net(x), y, reduction="none")
        hard = each.topk(len(each) // 2).values
        loss = hard.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: all {each.mean().item():.3f}, the hard half {loss.item():.3f}")

net.eval()
with torch.no_grad():
    right = (net(test_x).argmax(1) == test_y).float().mean().item()
print(f"test accuracy {right:.3f}")
