"""Fine-tuning in two stages: the new head alone, then everything with a smaller step."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
old, new = (y < 6).nonzero().squeeze(1), (y >= 6).nonzero().squeeze(1)
new = new[torch.randperm(len(new))]
new_train, new_test = new[:200], new[200:]


def train(net, optimizer, rows, shift, epochs):
    for _ in range(epochs):
        net.train()
        for part in torch.randperm(len(rows)).split(25):
            chosen = rows[part]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen] - shift)
            loss.backward()
            optimizer.step()
    return loss.item()


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(x[new_test]).argmax(1) == y[new_test] - 6).float().mean().item()


body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
first = nn.Sequential(body, nn.Linear(32, 6))
train(first, torch.optim.Adam(first.parameters(), lr=2e-3), old, 0, epochs=8)

head = nn.Linear(32, 4)
second = nn.Sequential(body, head)
body.requires_grad_(False)
optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
print(f"head only: loss {train(second, optimizer, new_train, 6, epochs=6):.3f}")
print(f"accuracy {accuracy(second):.3f}")

body.requires_grad_(True)
optimizer.param_groups[0]["lr"] = 2e-3
optimizer.add_param_group({"params": list(body.parameters()), "lr": 5e-4})
print(f"everything: loss {train(second, optimizer, new_train, 6, epochs=10):.3f}")
print(f"accuracy {accuracy(second):.3f}")
