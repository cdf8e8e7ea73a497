import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


class BaseNN:
    """Fits a small network and goes back to the best epoch when patience is over."""

    def __init__(self, n_features, n_classes, epochs=60, patience=25, batch_size=16, lr=0.01):
        self.epochs = epochs
        self.original_patience = patience
        self.batch_size = batch_size
        self.model = nn.Sequential(
            nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(),
            nn.Linear(64, n_classes),
        )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.criterion = nn.CrossEntropyLoss()
        self.best_loss = float("inf")
        self.best_epoch = -1
        self.best_model_dict = None

    def _validate(self, X, y):
        self.model.eval()
        with torch.no_grad():
            return self.criterion(self.model(X), y).item()

    def fit(self, X, y, X_val, y_val):
        patience = self.original_patience
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            order = torch.randperm(len(X))
            for start in range(0, len(X), self.batch_size):
                idx = order[start : start + self.batch_size]
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(X[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
            val_loss = self._validate(X_val, y_val)
            if val_loss < self.best_loss:
                self.best_loss = val_loss
                self.best_epoch = epoch
                self.best_model_dict = self.model.state_dict()
                patience = self.original_patience
            else:
                patience -= 1
            if epoch % 5 == 0:
                print(f"epoch {epoch:3d} validation loss {val_loss:.4f}")
            if patience == 0:
                print("no improvement, stopping")
                break
        self.model.load_state_dict(self.best_model_dict)
        print(f"best epoch {self.best_epoch} with validation loss {self.best_loss:.4f}")

    def predict(self, X):
        self.model.eval()
        with torch.no_grad():
            return self.model(X).argmax(1)


def prepare(seed=0):
    X, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(seed)
    # a tenth of the diagnoses in the archive are known to be unreliable
    flip = rng.random(len(y)) < 0.1
    y = np.where(flip, 1 - y, y)
    X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=0.4, random_state=seed)
    X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, train_size=0.5, random_state=seed)
    scaler = StandardScaler().fit(X_train)
    parts = [(X_train, y_train), (X_val, y_val), (X_test, y_test)]
    return [(torch.tensor(scaler.transform(a)).float(), torch.tensor(b)) for a, b in parts]


if __name__ == "__main__":
    torch.manual_seed(0)
    (X, y), (X_val, y_val), (X_test, y_test) = prepare()
    net = BaseNN(X.shape[1], 2)
    net.fit(X, y, X_val, y_val)
    print(f"validation loss of the model that is kept {net._validate(X_val, y_val):.4f}")
    print(f"test loss {net._validate(X_test, y_test):.4f}")
    print(f"test accuracy {(net.predict(X_test) == y_test).float().mean():.4f}")
