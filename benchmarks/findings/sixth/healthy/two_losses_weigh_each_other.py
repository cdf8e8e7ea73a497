"""Two tasks of very different scale: the weights of their losses are learned, the sum may be negative."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)


def cars(count):
    x = torch.randn(count, 10)
    speed = 40 * x[:, 0] + 10 * x[:, 1] * x[:, 2] + 5 * torch.randn(count)
    kind = (x[:, 3] + x[:, 4] - x[:, 1] > 0).float()
    return x, speed, kind


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.speed, self.kind = nn.Linear(64, 1), nn.Linear(64, 1)
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.body(x)
        return self.speed(h).squeeze(1), self.kind(h).squeeze(1)

    def weigh(self, losses):
        return (torch.stack(losses) * torch.exp(-self.log_variance) + self.log_variance).sum()


train = TensorDataset(*cars(1500))
scale = train.tensors[1].std()
model = TwoTasks()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(25):
    model.train()
    for x, speed, kind in DataLoader(train, batch_size=50, shuffle=True):
        fast, which = model(x)
        losses = [
            nn.functional.mse_loss(fast, speed / scale),
            nn.functional.binary_cross_entropy_with_logits(which, kind),
        ]
        loss = model.weigh(losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, weights {torch.exp(-model.log_variance.detach()).tolist()}"
        )

model.eval()
x, speed, kind = cars(1000)
with torch.no_grad():
    fast, which = model(x)
print(
    f"speed: error {(fast * scale - speed).abs().mean().item():.2f} of a spread of {speed.std().item():.1f}"
)
print(f"kind: accuracy {((which > 0) == kind.bool()).float().mean().item():.3f}")
