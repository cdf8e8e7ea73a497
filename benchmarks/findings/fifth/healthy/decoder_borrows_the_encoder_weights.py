"""An autoencoder whose way back uses the same matrices, transposed."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


class TiedAutoencoder(nn.Module):
    def __init__(self, sizes=(64, 40, 12)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.back_biases = nn.ParameterList(torch.zeros(size) for size in reversed(sizes[:-1]))

    def encode(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x

    def decode(self, code):
        last = len(self.layers) - 1
        for place, (layer, bias) in enumerate(zip(reversed(self.layers), self.back_biases)):
            code = F.linear(code, layer.weight.t(), bias)
            code = torch.sigmoid(code) if place == last else torch.tanh(code)
        return code

    def forward(self, x):
        return self.decode(self.encode(x))


pictures = torch.tensor(load_digits().data, dtype=torch.float32) / 16
pictures = pictures[torch.randperm(len(pictures))]
train, test = pictures[:1400], pictures[1400:]
net = TiedAutoencoder()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(15):
    net.train()
    for x in train[torch.randperm(len(train))].split(50):
        loss = F.mse_loss(net(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            print(f"epoch {epoch + 1}: test error {F.mse_loss(net(test), test).item():.4f}")
