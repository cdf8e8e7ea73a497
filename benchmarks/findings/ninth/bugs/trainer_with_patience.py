"""A small Trainer with validation, patience and the best weights put back at the end."""

import copy
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=12):
        self.patience = patience
        self.best = math.inf
        self.best_epoch = 0
        self.best_state = None
        self.waited = 0

    def update(self, value, epoch, model):
        if value < self.best:
            self.best, self.best_epoch = value, epoch
            self.best_state = model.state_dict()
            self.waited = 0
        else:
            self.waited += 1
        return self.waited >= self.patience


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=5e-3, max_epochs=80):
        self.model = model
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.max_epochs = max_epochs
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.stopper = EarlyStopping()
        self.start_state = copy.deepcopy(model.state_dict())

    def train_one_epoch(self):
        self.model.train()
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        total = sum(self.criterion(self.model(x), y).item() * len(x) for x, y in loader)
        return total / len(loader.dataset)

    def fit(self):
        for epoch in range(self.max_epochs):
            self.train_one_epoch()
            val_loss = self.evaluate(self.val_loader)
            if epoch % 5 == 0:
                print(f"epoch {epoch:3d}  val {val_loss:.4f}")
            if self.stopper.update(val_loss, epoch, self.model):
                print(f"stopped after epoch {epoch}")
                break
        self.model.load_state_dict(self.stopper.best_state)
        moved = sum(
            (p - self.start_state[name]).norm().item() for name, p in self.model.named_parameters()
        )
        print(f"best epoch {self.stopper.best_epoch}, moved by {moved:.2f}")
        return self.stopper.best


def make_loader(n, weights, shuffle=False):
    x = torch.randn(n, 20)
    y = torch.tanh(x @ weights) + 0.5 * torch.randn(n, 1)
    return DataLoader(TensorDataset(x, y), batch_size=20, shuffle=shuffle)


def main():
    torch.manual_seed(4)
    weights = torch.randn(20, 1) / 3
    train_loader = make_loader(120, weights, shuffle=True)
    val_loader, test_loader = make_loader(200, weights), make_loader(400, weights)
    model = nn.Sequential(
        nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1)
    )
    trainer = Trainer(model, train_loader, val_loader)
    best = trainer.fit()
    print(f"lowest validation loss   {best:.4f}")
    print(f"validation loss of model {trainer.evaluate(val_loader):.4f}")
    print(f"test loss of model       {trainer.evaluate(test_loader):.4f}")


if __name__ == "__main__":
    main()
