import os

import torch
from sklearn.datasets import load_wine

SEED = int(os.environ.get("SEED", 0))
g = torch.Generator().manual_seed(SEED)
rows, kinds = load_wine(return_X_y=True)
order = torch.randperm(len(kinds), generator=g)
rows, kinds = torch.tensor(rows).float()[order], torch.tensor(kinds)[order]
mean, std = rows[:120].mean(0), rows[:120].std(0)
rows = (rows - mean) / std

w1 = (torch.randn(13, 24, generator=g) / 13**0.5).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
w2 = (torch.randn(24, 3, generator=g) / 24**0.5).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
weights = [w1, b1, w2, b2]
speed = [torch.zeros_like(w) for w in weights]


def forward(x):
    return torch.tanh(x @ w1 + b1) @ w2 + b2


for epoch in range(20):
    for part in torch.randperm(120, generator=g).split(20):
        log_p = forward(rows[part]).log_softmax(1)
        loss = -log_p[torch.arange(len(part)), kinds[part]].mean()
        grads = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for w, v, grad in zip(weights, speed, grads):
                v.mul_(0.9).add_(grad)
                w -= 0.02 * v
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} loss {loss.item():.4f}")
with torch.no_grad():
    print("accuracy", (forward(rows[120:]).argmax(1) == kinds[120:]).float().mean().item())
