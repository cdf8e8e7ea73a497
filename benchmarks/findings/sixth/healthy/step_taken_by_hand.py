"""A factorisation with its own update: gradients are taken, used and cleared by hand."""

import torch

torch.manual_seed(9)
ROWS, COLS, RANK = 120, 90, 4
truth = torch.randn(ROWS, RANK) @ torch.randn(RANK, COLS)
known = torch.rand(ROWS, COLS) < 0.3
noisy = truth + 0.1 * torch.randn(ROWS, COLS)

left = (0.3 * torch.randn(ROWS, RANK)).requires_grad_(True)
right = (0.3 * torch.randn(RANK, COLS)).requires_grad_(True)
speed = [torch.zeros_like(left), torch.zeros_like(right)]
rate, momentum = 0.01, 0.9

for step in range(1, 401):
    error = (left @ right - noisy)[known]
    loss = 0.5 * error.pow(2).sum() / RANK + 0.05 * (left.pow(2).sum() + right.pow(2).sum())
    loss.backward()
    with torch.no_grad():
        for factor, v in zip((left, right), speed):
            v.mul_(momentum).add_(factor.grad)
            factor.sub_(rate * v)
            factor.grad = None
    if step % 100 == 0:
        print(f"step {step}: mean error on known cells {error.detach().abs().mean().item():.4f}")

with torch.no_grad():
    hidden = (left @ right - truth)[~known].pow(2).mean().sqrt().item()
print(
    f"error on the unknown cells {hidden:.3f}, of zero {truth[~known].pow(2).mean().sqrt().item():.3f}"
)
