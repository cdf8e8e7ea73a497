import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--grad_accumulation_steps", type=int, default=8)
args = parser.parse_args([])
torch.manual_seed(0)
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(60):
    train_loss = 0.0
    for _ in range(args.grad_accumulation_steps):
        part = torch.randint(0, 1400, (32,))
        loss = nn.functional.cross_entropy(model(x[part]), y[part])
        loss = loss / args.grad_accumulation_steps
        train_loss += loss.detach()
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if step % 15 == 14:
        with torch.no_grad():
            val = nn.functional.cross_entropy(model(x[1400:]), y[1400:])
        print(f"step {step + 1} train loss {train_loss:.4f} val loss {val:.4f}")
