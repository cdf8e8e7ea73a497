import os

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class RandomFeatures(nn.Module):
    """Only the last layer learns; the projection is drawn once and kept."""

    def __init__(self, inputs, width, outputs):
        super().__init__()
        self.register_buffer("projection", torch.randn(inputs, width) / inputs**0.5)
        self.register_buffer("shift", 6.28 * torch.rand(width))
        self.readout = nn.Linear(width, outputs)

    def forward(self, x):
        return self.readout(torch.cos(3 * x @ self.projection + self.shift))


d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
model = RandomFeatures(64, 400, 10)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    total = 0.0
    for part in torch.randperm(1400).split(50):
        loss = nn.functional.cross_entropy(model(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    print(f"epoch {epoch}: {total / 1400:.4f}")
with torch.no_grad():
    print("accuracy", (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
