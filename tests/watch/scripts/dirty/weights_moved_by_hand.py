# ruff: noqa
import torch

torch.manual_seed(0)
inputs = torch.randn(80, 5)
wanted = inputs.sum(1, keepdim=True)
weight = torch.randn(5, 1, requires_grad=True)
shift = torch.zeros(1, requires_grad=True)
for epoch in range(12):
    loss = ((inputs @ weight + shift - wanted) ** 2).mean()
    loss.backward()  # <- R101
    with torch.no_grad():
        weight -= 0.01 * weight.grad
        shift -= 0.01 * shift.grad
