"""An evolution strategy: noise on the weights, the better half pulls; no gradient is ever taken."""

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.manual_seed(8)
x, y = load_iris(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(150)
train, test = order[:100], order[100:]
x = (x - x[train].mean(0)) / x[train].std(0)

net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
SIGMA, RATE, FAMILY = 0.1, 0.3, 60

with torch.no_grad():
    centre = parameters_to_vector(net.parameters())
    for generation in range(1, 81):
        noise = torch.randn(FAMILY, len(centre))
        noise = torch.cat([noise, -noise])
        losses = []
        for child in centre + SIGMA * noise:
            vector_to_parameters(child, net.parameters())
            losses.append(nn.functional.cross_entropy(net(x[train]), y[train]))
        losses = torch.stack(losses)
        rank = losses.argsort().argsort().float() / (len(losses) - 1) - 0.5
        centre = centre - RATE * (rank @ noise) / (len(losses) * SIGMA)
        if generation % 20 == 0:
            print(f"generation {generation}: mean loss {losses.mean().item():.3f}")
    vector_to_parameters(centre, net.parameters())
    right = (net(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"test accuracy {right:.3f}")
