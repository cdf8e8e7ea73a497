"""Sorting leaves into species from ten measurements; the samples come as lists per species."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(11)
torch.manual_seed(11)
SPECIES = ["ash", "beech", "birch", "elm", "lime", "maple", "oak", "willow"]
CENTRES = {name: rng.normal(0, 1.3, 10) for name in SPECIES}


def collect(per_species):
    return {name: CENTRES[name] + rng.normal(0, 1.0, (per_species, 10)) for name in SPECIES}


class Leaves(Dataset):
    def __init__(self, collection):
        self.names = sorted(collection)
        self.samples = []
        for target, name in enumerate(self.names):
            self.samples += [(row, target) for row in collection[name]]
        rng.shuffle(self.samples)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        row, target = self.samples[index]
        return torch.tensor(row, dtype=torch.float32), target


train_set = Leaves(collect(120))
field_trip = collect(60)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, len(SPECIES)))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(25):
    model.train()
    losses = []
    for features, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(features), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.3f}")

model.eval()
hits = total = 0
with torch.no_grad():
    for target, name in enumerate(train_set.names):
        guess = model(torch.tensor(field_trip[name], dtype=torch.float32)).argmax(1)
        hits += (guess == target).sum().item()
        total += len(guess)
print(f"accuracy on the field trip: {hits / total:.3f}")
