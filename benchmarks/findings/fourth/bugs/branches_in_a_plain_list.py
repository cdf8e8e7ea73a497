import torch
from sklearn.datasets import load_digits
from torch import nn, optim


class Merge(nn.Module):
    """Runs several branches side by side and adds up what they say."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return sum(layer(x) for layer in self.layers)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        kernels = (1, 3, 5)
        self.features = Merge([nn.Conv2d(1, 6, k, padding=k // 2) for k in kernels])
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Linear(6 * 16, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.features(x)))
        return self.classifier(x.flatten(1))


class Experiment:
    def __init__(self):
        torch.manual_seed(11)
        bunch = load_digits()
        self.x = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
        self.y = torch.tensor(bunch.target)
        self.net = Net()
        self.optimizer = optim.Adam(self.net.parameters(), lr=4e-3)

    def train(self, epochs):
        for epoch in range(epochs):
            total = 0.0
            for idx in torch.randperm(1400).split(70):
                loss = nn.functional.cross_entropy(self.net(self.x[idx]), self.y[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            print(f"epoch {epoch}: {total / 1400:.4f}")

    @torch.no_grad()
    def score(self):
        return (self.net(self.x[1400:]).argmax(1) == self.y[1400:]).float().mean().item()


experiment = Experiment()
experiment.train(7)
print("accuracy", round(experiment.score(), 4))
