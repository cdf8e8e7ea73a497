import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# One full batch, a closure called many times a step, double precision.

table, target = load_diabetes(return_X_y=True)
order = torch.randperm(len(table)).numpy()
table, target = torch.tensor(table[order] * 20), torch.tensor(target[order]).unsqueeze(1)
target = (target - target[:350].mean()) / target[:350].std()
model = nn.Sequential(nn.Linear(10, 6), nn.Tanh(), nn.Linear(6, 1)).double()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1, max_iter=10, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    penalty = sum((p**2).sum() for p in model.parameters())
    loss = F.mse_loss(model(table[:350]), target[:350]) + 0.01 * penalty
    loss.backward()
    return loss


for step in range(8):
    loss = optimizer.step(closure)
    print(f"step {step}: loss {loss.item():.4f}")
with torch.no_grad():
    print("error", F.mse_loss(model(table[350:]), target[350:]).item())
