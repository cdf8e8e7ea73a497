"""Weights averaged over the last epochs; their batch norms count their statistics in one more pass."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)


def net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 10),
    )


x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
y = torch.tensor(y)
order = torch.randperm(len(y))
train = TensorDataset(x[order[:1300]], y[order[:1300]])
test_x, test_y = x[order[1300:]], y[order[1300:]]
loader = DataLoader(train, batch_size=50, shuffle=True)

model, average, taken = net(), net(), 0
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(10):
    model.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
    if epoch >= 5:
        taken += 1
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) / taken
    print(f"epoch {epoch}: loss {loss.item():.3f}")

# the statistics of the averaged net: a pass in training mode, without learning
for module in average.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()
        module.momentum = None
average.train()
with torch.no_grad():
    for inputs, _ in loader:
        average(inputs)

average.eval()
with torch.no_grad():
    right = (average(test_x).argmax(1) == test_y).float().mean().item()
print(f"accuracy of the average {right:.3f}")
