"""A classifier with the interface of scikit-learn for tables."""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split


class TableClassifier:
    def __init__(self, hidden=32, epochs=30, lr=2e-3, batch_size=32, seed=0):
        self.hidden, self.epochs, self.lr = hidden, epochs, lr
        self.batch_size, self.seed = batch_size, seed

    def _build_model(self, n_features):
        return nn.Sequential(
            nn.Linear(n_features, self.hidden),
            nn.BatchNorm1d(self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 1),
        )

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.classes_ = np.unique(y)
        self.mean_, self.std_ = X.mean(0), X.std(0)
        X = torch.tensor((X - self.mean_) / self.std_, dtype=torch.float32)
        y = torch.tensor(y, dtype=torch.float32)
        self.model_ = self._build_model(X.shape[1])
        optimizer = torch.optim.Adam(self.model_.parameters(), lr=self.lr)
        criterion = nn.BCEWithLogitsLoss()
        self.loss_curve_ = []
        for _ in range(self.epochs):
            self.model_.train()
            total = 0.0
            for idx in torch.randperm(len(X)).split(self.batch_size):
                optimizer.zero_grad()
                loss = criterion(self.model_(X[idx]).squeeze(1), y[idx])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(idx)
            self.loss_curve_.append(total / len(X))
        return self

    def predict(self, X):
        self.model_.eval()
        X = torch.tensor((X - self.mean_) / self.std_, dtype=torch.float32)
        with torch.no_grad():
            index = (self.model_(X).squeeze(1) > 0).long().numpy()
        return self.classes_[index]

    def score(self, X, y):
        return float((self.predict(X) == y).mean())


if __name__ == "__main__":
    X, y = make_classification(
        n_samples=800, n_features=8, n_informative=4, class_sep=1.5, random_state=3
    )
    y = np.where(y == 0, 5, 7)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=3)
    classifier = TableClassifier().fit(X_train, y_train)
    print("classes", classifier.classes_)
    print("loss", np.round(classifier.loss_curve_[::6], 3))
    print(
        f"accuracy train {classifier.score(X_train, y_train):.3f} test {classifier.score(X_test, y_test):.3f}"
    )
