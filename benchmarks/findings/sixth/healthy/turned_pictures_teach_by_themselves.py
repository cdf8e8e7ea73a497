"""Without labels first: which way up is the digit? Then a linear layer on what was learned from that."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(19)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
y = torch.tensor(y)
order = torch.randperm(len(y))
train, few, test = order[:1200], order[:100], order[1200:]

body = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(24, 48, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(48, 48, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
)
way_up = nn.Linear(192, 4)
optimizer = torch.optim.Adam([*body.parameters(), *way_up.parameters()], lr=2e-3)
for epoch in range(8):
    body.train()
    for part in train[torch.randperm(len(train))].split(50):
        turned = torch.cat([torch.rot90(x[part], k, (2, 3)) for k in range(4)])
        turns = torch.arange(4).repeat_interleave(len(part))
        loss = nn.functional.cross_entropy(way_up(body(turned)), turns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss of the turns {loss.item():.3f}")

body.eval()
body.requires_grad_(False)
features = body(x)
mean, std = features[few].mean(0), features[few].std(0) + 1e-3
features = (features - mean) / std
head = nn.Linear(192, 10)
optimizer = torch.optim.Adam(head.parameters(), lr=0.01, weight_decay=1e-3)
for _ in range(200):
    loss = nn.functional.cross_entropy(head(features[few]), y[few])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
right = (head(features[test]).argmax(1) == y[test]).float().mean().item()
print(f"accuracy with a hundred labels {right:.3f}")
