import torch
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import train_test_split
from torch import nn

SIZES = [[2, 8, 1], [2, 32, 1], [2, 32, 32, 1]]


class MLP(nn.Module):
    def __init__(self, sizes, dropout=0.0):
        super().__init__()
        layers = []
        for inputs, outputs in zip(sizes[:-2], sizes[1:-1]):
            layers += [nn.Linear(inputs, outputs), nn.Dropout(dropout)]
        layers.append(nn.Linear(sizes[-2], sizes[-1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def prepare(maker):
    x, y = maker(700, noise=0.12, random_state=0)
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    return train_test_split(x, y, test_size=0.3, random_state=0)


def train(net, x, y, epochs=40):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    criterion = nn.BCEWithLogitsLoss()
    net.train()
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(70):
            optimizer.zero_grad()
            loss = criterion(net(x[part]), y[part])
            loss.backward()
            optimizer.step()
    return loss.item()


for name, maker in {"moons": make_moons, "circles": make_circles}.items():
    x_train, x_test, y_train, y_test = prepare(maker)
    for sizes in SIZES:
        torch.manual_seed(0)
        net = MLP(sizes)
        loss = train(net, x_train, y_train)
        net.eval()
        with torch.no_grad():
            accuracy = ((net(x_test) > 0) == y_test.bool()).float().mean().item()
        print(f"{name:8} {sizes}: loss {loss:.3f}, accuracy {accuracy:.3f}")
