"""A small trainer for ecological tables: it keeps the weights of the best epoch."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(27)


def species_table(n):
    x = torch.randn(n, 8)
    abundance = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.6 * torch.randn(n)
    return x, abundance.unsqueeze(1)


class DNN(nn.Module):
    def __init__(self, hidden=(100, 100)):
        super().__init__()
        sizes = [8, *hidden]
        layers = []
        for a, b in zip(sizes[:-1], sizes[1:]):
            layers += [nn.Linear(a, b), nn.SELU()]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    def forward(self, x):
        return self.net(x)


def train_model(model, train, valid, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = {"train_l": [], "valid_l": []}
    weights = None
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(train[0])).split(32):
            optimizer.zero_grad()
            loss = F.mse_loss(model(train[0][idx]), train[1][idx])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            losses["train_l"].append(F.mse_loss(model(train[0]), train[1]).item())
            losses["valid_l"].append(F.mse_loss(model(valid[0]), valid[1]).item())
        if epoch == 0 or losses["valid_l"][epoch] < losses["valid_l"][epoch - 1]:
            weights = copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return losses


train, valid, test = species_table(250), species_table(250), species_table(1000)
model = DNN()
losses = train_model(model, train, valid, epochs=60, lr=4e-3)
best = min(range(60), key=losses["valid_l"].__getitem__)
print(f"lowest validation loss {losses['valid_l'][best]:.3f} in epoch {best}")
with torch.no_grad():
    print(f"validation loss of the kept weights {F.mse_loss(model(valid[0]), valid[1]):.3f}")
    print(f"test loss of the kept weights {F.mse_loss(model(test[0]), test[1]):.3f}")
    print(f"test variance {test[1].var():.3f}")
