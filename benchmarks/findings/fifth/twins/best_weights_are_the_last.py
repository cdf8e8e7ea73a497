"""Few patients, many measurements: keep the weights of the best epoch."""

import copy

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn


def load():
    x, y = load_diabetes(return_X_y=True)
    x_rest, x_test, y_rest, y_test = train_test_split(
        x * 20, y / 100, test_size=0.3, random_state=0
    )
    x_train, x_val, y_train, y_val = train_test_split(x_rest, y_rest, test_size=0.5, random_state=0)
    parts = (x_train, y_train, x_val, y_val, x_test, y_test)
    return [torch.tensor(part, dtype=torch.float32) for part in parts]


def error(net, x, y):
    net.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(net(x).squeeze(1), y).item()


def train(net, x, y, x_val, y_val, epochs=120):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    best_error, best_state, best_epoch = float("inf"), None, -1
    for epoch in range(epochs):
        net.train()
        for part in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x[part]).squeeze(1), y[part])
            loss.backward()
            optimizer.step()
        val_error = error(net, x_val, y_val)
        if val_error < best_error:
            best_error, best_epoch = val_error, epoch
            best_state = copy.deepcopy(net.state_dict())
    net.load_state_dict(best_state)
    return best_epoch, best_error


def main():
    torch.manual_seed(0)
    x_train, y_train, x_val, y_val, x_test, y_test = load()
    net = nn.Sequential(
        nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    epoch, best = train(net, x_train, y_train, x_val, y_val)
    print(f"best epoch {epoch}, validation error then {best:.3f}")
    print(f"validation error of the kept network {error(net, x_val, y_val):.3f}")
    print(f"test error of the kept network {error(net, x_test, y_test):.3f}")


if __name__ == "__main__":
    main()
