# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
kinds = torch.randint(0, 3, (300,))
inputs = torch.randn(3, 16)[kinds] + 0.5 * torch.randn(300, 16)
names = ["pear", "fig", "plum"]


class Fruit(Dataset):
    def __init__(self, rows, labels, classes):
        self.rows = rows
        self.class_to_idx = {name: number for number, name in enumerate(classes)}
        self.labels = [self.class_to_idx[names[label]] for label in labels.tolist()]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index], self.labels[index]


train_set = Fruit(inputs[:200], kinds[:200], names)
val_set = Fruit(inputs[200:], kinds[200:], sorted(names))  # <- Y104
train_loader = DataLoader(train_set, batch_size=30, shuffle=True)
val_loader = DataLoader(val_set, batch_size=50)

model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    print(right / len(val_loader.dataset))
