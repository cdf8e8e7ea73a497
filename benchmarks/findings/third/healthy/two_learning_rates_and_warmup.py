import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.AdamW(
    [
        {"params": [net[0].weight, net[2].weight], "weight_decay": 0.01},
        {"params": [net[0].bias, net[2].bias], "weight_decay": 0.0, "lr": 1e-3},
    ],
    lr=4e-3,
)
# Per step on purpose: warm-up, then down to zero.
schedule = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda t: min((t + 1) / 20, max(0.0, (280 - t) / 260))
)
for epoch in range(10):
    for part in torch.randperm(1400).split(50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x[part]), y[part], label_smoothing=0.05)
        loss.backward()
        opt.step()
        schedule.step()
with torch.no_grad():
    print("accuracy", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
