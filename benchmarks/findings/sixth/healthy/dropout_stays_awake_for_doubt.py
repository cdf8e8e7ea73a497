"""A net that says how sure it is: dropout stays on after training and thirty answers are compared."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


def curve(x):
    return torch.sin(2 * x) + 0.3 * x


class Doubting(nn.Module):
    def __init__(self, width=64, p=0.1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, width),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.layers(x)


def answers(model, x, passes=30):
    """Mean and spread over passes with dropout, as in Monte Carlo dropout."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        many = torch.stack([model(x) for _ in range(passes)])
    return many.mean(0), many.std(0)


x = torch.cat([torch.empty(300, 1).uniform_(-3, -0.5), torch.empty(300, 1).uniform_(0.5, 3)])
y = curve(x) + 0.1 * torch.randn_like(x)
loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
model = Doubting()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(80):
    model.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), target)
        loss.backward()
        optimizer.step()
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")

inside, outside = torch.linspace(0.6, 2.9, 50).unsqueeze(1), torch.linspace(4, 6, 50).unsqueeze(1)
mean, spread = answers(model, inside)
print(f"error where there were data {(mean - curve(inside)).abs().mean().item():.3f}")
print(
    f"spread there {spread.mean().item():.3f}, far away {answers(model, outside)[1].mean().item():.3f}"
)
