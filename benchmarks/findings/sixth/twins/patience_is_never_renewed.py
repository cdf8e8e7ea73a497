"""Early stopping with a small validation set, whose loss goes up and down on its way."""

import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(31)
PATIENCE, LIMIT = 4, 120


def spirals(count):
    label = torch.randint(0, 2, (count,))
    t = 0.4 + 3.2 * torch.rand(count)
    angle = 2.2 * t + label * torch.pi
    x = torch.stack([t * angle.cos(), t * angle.sin()], 1)
    return x + 0.18 * torch.randn(count, 2), label


train = TensorDataset(*spirals(600))
valid_x, valid_y = spirals(40)
test_x, test_y = spirals(1000)

model = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.015, momentum=0.9)

best_loss, best_state, waited = float("inf"), None, 0
for epoch in range(LIMIT):
    model.train()
    for x, y in DataLoader(train, batch_size=20, shuffle=True):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        valid_loss = criterion(model(valid_x), valid_y).item()
    if valid_loss < best_loss:
        best_loss = valid_loss
        best_state = copy.deepcopy(model.state_dict())
        waited = 0
    else:
        waited += 1
        if waited >= PATIENCE:
            print(f"stopped after epoch {epoch}, best validation loss {best_loss:.3f}")
            break

model.load_state_dict(best_state)
model.eval()
with torch.no_grad():
    right = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"test accuracy {right:.3f}")
