"""Four constants of a damped oscillation, found with LBFGS and a closure."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
time = torch.linspace(0, 6, 240, dtype=torch.float64)
truth = 1.7 * torch.exp(-0.35 * time) * torch.cos(2.4 * time + 0.5)
measured = truth + 0.05 * torch.randn_like(truth)


class Oscillation(nn.Module):
    def __init__(self):
        super().__init__()
        self.height = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.log_damping = nn.Parameter(torch.tensor(-1.5, dtype=torch.float64))
        self.frequency = nn.Parameter(torch.tensor(2.2, dtype=torch.float64))
        self.phase = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def forward(self, t):
        decay = torch.exp(-self.log_damping.exp() * t)
        return self.height * decay * torch.cos(self.frequency * t + self.phase)


model = Oscillation()
optimizer = torch.optim.LBFGS(
    model.parameters(), lr=0.5, max_iter=10, line_search_fn="strong_wolfe"
)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(time), measured)
    loss.backward()
    return loss


for round_number in range(8):
    loss = optimizer.step(closure)
    print(f"round {round_number}: loss {loss.item():.6f}")
with torch.no_grad():
    print(f"distance from the true curve {(model(time) - truth).abs().mean().item():.4f}")
    print({name: round(value.item(), 3) for name, value in model.named_parameters()})
