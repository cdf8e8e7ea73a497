import os

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
start = {k: v.clone() for k, v in net.state_dict().items()}


def train(masks, epochs=8):
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for part in torch.randperm(1400).split(50):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x[part]), y[part])
            loss.backward()
            opt.step()
            with torch.no_grad():
                for name, p in net.named_parameters():
                    if name in masks:
                        p.mul_(masks[name])
    with torch.no_grad():
        acc = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    return loss.item(), acc


print("whole net", train({}))
masks = {}
for name, p in net.named_parameters():
    if p.ndim == 2:
        masks[name] = (p.detach().abs() >= p.detach().abs().flatten().quantile(0.8)).float()
net.load_state_dict(start)
with torch.no_grad():
    for name, p in net.named_parameters():
        if name in masks:
            p.mul_(masks[name])
print("a fifth of it", train(masks))
left = sum((p != 0).sum().item() for p in net.parameters())
print("weights left", left, "of", sum(p.numel() for p in net.parameters()))
