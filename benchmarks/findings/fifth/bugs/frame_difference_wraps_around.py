"""How much brighter or darker did the scene become? From two frames of a camera."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)


def film(count):
    scene = rng.integers(60, 190, (count, 12, 12))
    change = rng.uniform(-40, 40, count)
    flicker = rng.normal(0, 12, (count, 12, 12))
    later = np.clip(scene + change[:, None, None] + flicker, 0, 255)
    return scene.astype(np.uint8), later.astype(np.uint8), change.astype(np.float32)


def motion_features(before, after):
    difference = (after - before).astype(np.float32)
    return torch.from_numpy(difference / 255).flatten(1)


def as_target(change):
    return torch.from_numpy(change / 40).unsqueeze(1)


before, after, change = film(1500)
x_train, y_train = motion_features(before, after), as_target(change)
before, after, change = film(500)
x_test, y_test = motion_features(before, after), as_target(change)

net = nn.Sequential(nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(15):
    net.train()
    for part in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x_train[part]), y_train[part])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: training loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    miss = 40 * (net(x_test) - y_test).abs().mean().item()
print(f"mean error of the change in brightness: {miss:.2f} grey values")
