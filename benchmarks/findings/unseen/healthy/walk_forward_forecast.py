import os

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# Overlapping windows, the model goes on training on what it was tested on before; no shuffling in time.
t = torch.arange(900.0)
series = torch.sin(t / 7) + 0.4 * torch.sin(t / 3) + 0.05 * torch.randn(900)
windows = series.unfold(0, 25, 1)
x, y = windows[:, :24], windows[:, 24:]
model = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
errors = []
for end in range(400, 800, 100):
    model.train()
    for epoch in range(10):
        for part in torch.randperm(end - 24).split(50):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x[part]), y[part])
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        errors.append(F.mse_loss(model(x[end : end + 75]), y[end : end + 75]).item())
    print(f"trained up to {end}: error ahead {errors[-1]:.4f}")
