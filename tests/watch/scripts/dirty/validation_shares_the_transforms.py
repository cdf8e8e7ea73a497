# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


class Noisy(Dataset):
    def __init__(self, count):
        self.values = torch.randn(count, 8)
        self.labels = (self.values[:, 0] > 0).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.values[index] + 0.3 * torch.randn(8), self.labels[index].item()


torch.manual_seed(0)
data = Noisy(160)
train_loader = DataLoader(Subset(data, range(120)), batch_size=20, shuffle=True)
val_loader = DataLoader(Subset(data, range(120, 160)), batch_size=20)  # <- T101
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    right = 0
    with torch.no_grad():
        for x, y in val_loader:
            right += (model(x).argmax(1) == y).sum().item()
    print(right / 40)
