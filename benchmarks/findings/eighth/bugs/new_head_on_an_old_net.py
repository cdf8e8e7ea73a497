"""Transfer: a small CNN learns the digits 0-4, then gets a new top for the digits 5-9."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(3)


class BaseCNN(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.top_dense = nn.Linear(32 * 4, 64)
        self.predictions = nn.Linear(64, n_out)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
        return self.predictions(torch.relu(self.top_dense(x)))


def get_data(classes):
    digits = load_digits()
    keep = (digits.target >= classes[0]) & (digits.target <= classes[-1])
    x = torch.tensor(digits.images[keep] / 16.0, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits.target[keep] - classes[0])
    return train_test_split(x, y, test_size=0.3, random_state=0)


def fit(net, x, y, epochs, lr):
    trainable = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=lr)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % 5 == 4:
            print(f"  epoch {epoch + 1:2d} loss {total / len(x):.3f}")


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def add_new_top(net, n_out, width=10):
    net.top_dense = nn.Linear(32 * 4, width)
    net.predictions = nn.Linear(width, n_out)
    # train only the top layers, which were randomly initialised
    for layer in list(net.children())[:-1]:
        for param in layer.parameters():
            param.requires_grad = False
    return net


if __name__ == "__main__":
    x_train, x_test, y_train, y_test = get_data(range(0, 5))
    net = BaseCNN(5)
    print("base")
    fit(net, x_train, y_train, epochs=15, lr=2e-3)
    print(f"base accuracy {accuracy(net, x_test, y_test):.3f}")

    x_train, x_test, y_train, y_test = get_data(range(5, 10))
    net = add_new_top(net, 5)
    print("new top")
    fit(net, x_train, y_train, epochs=20, lr=3e-3)
    print(f"transfer accuracy {accuracy(net, x_test, y_test):.3f}")
