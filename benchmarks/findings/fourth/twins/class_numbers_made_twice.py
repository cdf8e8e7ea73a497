import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset

REGIONS = ["barolo", "grignolino", "barbera"]


def number_classes(names):
    numbers = {}
    for name in names:
        if name not in numbers:
            numbers[name] = len(numbers)
    return numbers


class Wines(Dataset):
    def __init__(self, rows, names, mean, std, numbers=None):
        self.rows = ((torch.tensor(rows) - mean) / std).float()
        self.numbers = numbers or number_classes(names)
        self.targets = [self.numbers[name] for name in names]

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.rows[i], self.targets[i]


torch.manual_seed(0)
data, target = load_wine(return_X_y=True)
names = [REGIONS[t] for t in target]
rows_train, rows_test, names_train, names_test = train_test_split(
    data, names, test_size=0.3, random_state=2, stratify=names
)
mean, std = torch.tensor(rows_train.mean(0)), torch.tensor(rows_train.std(0))
train_set = Wines(rows_train, names_train, mean, std)
test_set = Wines(rows_test, names_test, mean, std, train_set.numbers)

net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    for x, y in DataLoader(train_set, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
print(f"loss {loss.item():.4f}")
correct = 0
with torch.no_grad():
    for x, y in DataLoader(test_set, batch_size=64):
        correct += (net(x).argmax(1) == y).sum().item()
print(f"test accuracy {correct / len(test_set):.3f}")
