"""A wrapper with fit and predict; a copy is refitted after suspicious rows were thrown out."""

import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class PyTorchClassifier:
    def __init__(self, model, loss, optimizer, nb_classes):
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.nb_classes = nb_classes

    def fit(self, x, y, batch_size=32, nb_epochs=10):
        x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
        self.model.train()
        for _ in range(nb_epochs):
            for idx in torch.randperm(len(x)).split(batch_size):
                self.optimizer.zero_grad()
                loss = self.loss(self.model(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def predict(self, x):
        self.model.eval()
        return self.model(torch.as_tensor(x, dtype=torch.float32)).numpy()

    def clone_for_refitting(self):
        model = copy.deepcopy(self.model)
        clone = type(self)(model, self.loss, self.optimizer, self.nb_classes)
        clone.reset()
        return clone

    def reset(self):
        def weight_reset(module):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

        self.model.apply(weight_reset)


def poison(y, share, rng):
    y = y.copy()
    flipped = rng.random(len(y)) < share * (y == 0)
    y[flipped] = 1 - y[flipped]
    return y


def main():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    data = load_breast_cancer()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, random_state=0
    )
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
    y_poisoned = poison(y_train, 0.4, rng)

    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), optimizer, 2)
    print(f"loss with poison {classifier.fit(x_train, y_poisoned):.3f}")
    before = (classifier.predict(x_test).argmax(1) == y_test).mean()

    agrees = classifier.predict(x_train).argmax(1) == y_poisoned
    print(f"kept {agrees.sum()} of {len(agrees)} rows")
    refitted = classifier.clone_for_refitting()
    print(
        f"loss after cleaning {refitted.fit(x_train[agrees], y_poisoned[agrees], nb_epochs=15):.3f}"
    )
    after = (refitted.predict(x_test).argmax(1) == y_test).mean()
    print(f"test accuracy: poisoned {before:.3f}, refitted {after:.3f}")


if __name__ == "__main__":
    main()
