import copy

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.manual_seed(0)
bunch = load_breast_cancer()
x = torch.tensor(bunch.data, dtype=torch.float32)
y = torch.tensor(bunch.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]


class EMA:
    def __init__(self, model, decay=0.97):
        self.decay = decay
        self.module = copy.deepcopy(model).eval()

    @torch.no_grad()
    def update(self, model):
        for mine, theirs in zip(self.module.parameters(), model.parameters()):
            mine.lerp_(theirs, 1 - self.decay)


model = nn.Sequential(
    nn.BatchNorm1d(30), nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2)
)
ema = EMA(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(25):
    model.train()
    for part in torch.randperm(400).split(40):
        loss = nn.functional.cross_entropy(model(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update(model)
model.eval()
with torch.no_grad():
    for name, net in {"model": model, "ema": ema.module}.items():
        print(name, (net(x[400:]).argmax(1) == y[400:]).float().mean().item())
