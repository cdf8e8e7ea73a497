"""Tabular training with an early-stopping callback that brings back the best weights."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)


def table(n):
    cat = torch.randint(0, 12, (n, 2))
    num = torch.randn(n, 10)
    signal = 0.8 * num[:, 0] - 0.6 * num[:, 1] + 0.3 * (cat[:, 0] - cat[:, 1])
    return cat, num, signal + 0.8 * torch.randn(n)


class WideDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Embedding(24, 1)
        self.embed = nn.Embedding(24, 8)
        self.deep = nn.Sequential(
            nn.Linear(26, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(self, cat, num):
        cat = cat + torch.tensor([0, 12])
        deep = self.deep(torch.cat([self.embed(cat).flatten(1), num], dim=1))
        return (self.wide(cat).sum(1) + deep).squeeze(-1)


class EarlyStopping:
    def __init__(self, patience=10, restore_best_weights=True):
        self.patience, self.restore_best_weights = patience, restore_best_weights
        self.wait, self.best, self.state_dict = 0, float("inf"), None

    def on_epoch_end(self, model, val_loss):
        if val_loss < self.best:
            self.best, self.wait = val_loss, 0
            if self.restore_best_weights:
                self.state_dict = copy.deepcopy(model.state_dict())
        else:
            self.wait += 1
        return self.wait >= self.patience

    def on_train_end(self, model):
        if self.restore_best_weights:
            model.load_state_dict(self.state_dict)


train, val, test = table(300), table(300), table(1000)
model = WideDeep()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
stopper = EarlyStopping()
for epoch in range(60):
    model.train()
    for idx in torch.randperm(300).split(32):
        cat, num, target = (t[idx] for t in train)
        loss = F.mse_loss(model(cat, num), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = F.mse_loss(model(val[0], val[1]), val[2]).item()
    print(f"epoch {epoch} train {loss.item():.3f} val {val_loss:.3f}")
    if stopper.on_epoch_end(model, val_loss):
        break
stopper.on_train_end(model)

with torch.no_grad():
    print(f"best val loss seen {stopper.best:.3f}")
    print(f"val loss of the final model {F.mse_loss(model(val[0], val[1]), val[2]):.3f}")
    print(f"test loss of the final model {F.mse_loss(model(test[0], test[1]), test[2]):.3f}")
