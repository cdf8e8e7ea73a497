# ruff: noqa
# The first weights are loaded again with most of them masked, and others with a little noise.
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(200, 8)
y = x[:, :1] - x[:, 1:2]
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
start = {name: value.clone() for name, value in model.state_dict().items()}
for kept in (0.2, None):
    model.load_state_dict(start)
    with torch.no_grad():
        for p in model.parameters():
            if kept is None:
                p.add_(0.01 * torch.randn_like(p))
            else:
                p.mul_(p.abs() >= p.abs().flatten().quantile(1 - kept))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(3):
        for rows in torch.randperm(200).split(20):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
