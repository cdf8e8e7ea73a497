"""Adversarial training: in every step the inputs are first pushed where it hurts, with the norms at rest."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(20)
PUSH = 0.15


def data(count):
    x = torch.randn(count, 20)
    return x, (x[:, :5].sum(1) + 0.5 * x[:, 5] * x[:, 6] > 0).long()


def worst(model, x, y):
    """One signed step on the inputs; the model itself is left alone, its mode is put back."""
    was_training = model.training
    model.eval()
    x = x.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), x)
    model.train(was_training)
    return (x + PUSH * slope.sign()).detach()


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


model = nn.Sequential(
    nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
train = TensorDataset(*data(2000))
for epoch in range(15):
    model.train()
    for x, y in DataLoader(train, batch_size=50, shuffle=True):
        hard = worst(model, x, y)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(hard), y)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

x, y = data(1000)
print(
    f"accuracy {accuracy(model, x, y):.3f}, after the push {accuracy(model, worst(model, x, y), y):.3f}"
)
