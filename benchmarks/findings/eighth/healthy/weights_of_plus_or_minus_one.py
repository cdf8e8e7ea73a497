"""Binary weights: the sign in forward, the gradient passed straight through in backward."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight):
        ctx.save_for_backward(weight)
        return torch.where(weight >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return grad_output * (weight.abs() <= 1)


class BinaryLinear(nn.Linear):
    def forward(self, x):
        scale = self.weight.shape[1] ** -0.5
        return nn.functional.linear(x, Sign.apply(self.weight) * scale, self.bias)


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            BinaryLinear(64, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            BinaryLinear(128, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            BinaryLinear(128, 10),
        )

    def forward(self, x):
        return self.layers(x)

    @torch.no_grad()
    def clip_weights(self):
        for layer in self.layers:
            if isinstance(layer, BinaryLinear):
                layer.weight.clamp_(-1, 1)


def main():
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    digits = load_digits()
    x = torch.tensor((digits.data - 8) / 8, dtype=torch.float32)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    train, test = order[:1300], order[1300:]
    net = BinaryNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(15):
        net.train()
        for idx in train[torch.randperm(len(train))].split(50):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            net.clip_weights()
        net.eval()
        with torch.no_grad():
            accuracy = (net(x[test]).argmax(1) == y[test]).float().mean().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d} loss {loss.item():.3f} accuracy {accuracy:.3f}")


main()
