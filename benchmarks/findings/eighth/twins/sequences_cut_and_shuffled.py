"""A data mixture component that hands out a training set and `num_validation_sequences` for validation."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(18)


class Sequences(Dataset):
    """Noisy sequences with a label; a slice or a permutation gives a new data set."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]

    def slice(self, start, stop):
        return Sequences(self.x[start:stop], self.y[start:stop])

    def shuffle(self, seed):
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return Sequences(self.x[order], self.y[order])


class Component:
    def __init__(self, dataset, num_validation_sequences, seed=0):
        self.dataset = dataset
        self.num_validation_sequences = num_validation_sequences
        self.seed = seed

    def train_set(self):
        dataset = self.dataset
        dataset = dataset.slice(self.num_validation_sequences, None)
        dataset = dataset.shuffle(self.seed)
        return dataset

    def validation_set(self):
        return self.dataset.slice(0, self.num_validation_sequences)


def read_sequences(n, length=40):
    slope = torch.randn(n, 1)
    x = torch.randn(n, length) + 0.06 * slope * torch.arange(length)
    y = ((slope.squeeze(1) + 0.9 * torch.randn(n)) > 0).long()
    return Sequences(x, y)


def evaluate(model, dataset):
    model.eval()
    with torch.no_grad():
        out = model(dataset.x)
        loss = nn.functional.cross_entropy(out, dataset.y).item()
        return loss, (out.argmax(1) == dataset.y).float().mean().item()


component = Component(read_sequences(400), num_validation_sequences=100)
train_set, validation_set = component.train_set(), component.validation_set()
new_sequences = read_sequences(2000)
model = nn.Sequential(nn.Linear(40, 128), nn.ReLU(), nn.Linear(128, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(30):
    model.train()
    for x, y in DataLoader(train_set, batch_size=25, shuffle=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        val_loss, val_acc = evaluate(model, validation_set)
        print(
            f"epoch {epoch + 1:2d} loss {loss.item():.3f} validation loss {val_loss:.3f} accuracy {val_acc:.3f}"
        )
print(f"accuracy in use {evaluate(model, new_sequences)[1]:.3f}")
