"""The number of hidden layers is an argument of the net."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Net(nn.Module):
    def __init__(self, num_layers, width=16):
        super().__init__()
        self.layer = nn.Linear(64, width)
        self.list_of_layers = [nn.Linear(width, width) for i in range(num_layers)]
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        x = torch.tanh(self.layer(x))
        for layer in self.list_of_layers:
            x = torch.relu(layer(x))
        return self.out(x)


def main(num_layers=4, epochs=25):
    torch.manual_seed(0)
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0)
    X_train, X_test = torch.FloatTensor(X_train), torch.FloatTensor(X_test)
    y_train, y_test = torch.LongTensor(y_train), torch.LongTensor(y_test)

    net = Net(num_layers)
    print(net)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        net.train()
        running = 0.0
        perm = torch.randperm(len(X_train))
        for i in range(0, len(perm), 32):
            idx = perm[i : i + 32]
            opt.zero_grad()
            loss = loss_fn(net(X_train[idx]), y_train[idx])
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
        if (epoch + 1) % 5 == 0:
            net.eval()
            with torch.no_grad():
                acc = (net(X_test).argmax(dim=1) == y_test).float().mean()
            print(f"epoch {epoch + 1}: loss {running / len(X_train):.3f}, test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
