"""A second loader reads the training set in order: its features answer for the test set by nearness."""

# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(300, 16)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_set = TensorDataset(inputs[:200], labels[:200])
train_loader = DataLoader(train_set, batch_size=20, shuffle=True)
memory_loader = DataLoader(train_set, batch_size=50)
eval_loader = DataLoader(TensorDataset(inputs[:200], labels[:200]), batch_size=50)
test_set = TensorDataset(inputs[200:], labels[200:])
test_loader = DataLoader(test_set, batch_size=50)
network = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 8))
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)


def features(loader):
    network.eval()
    with torch.no_grad():
        several = [(network(x), y) for x, y in loader]
    return torch.cat([f for f, _ in several]), torch.cat([y for _, y in several])


for _ in range(2):
    network.train()
    for x, _ in train_loader:
        views = [F.normalize(network(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2)]
        loss = F.cross_entropy(views[0] @ views[1].T / 0.2, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    asked, right = features(test_loader)
    for loader in (memory_loader, eval_loader):
        known, kinds = features(loader)
        near = torch.cdist(asked, known).topk(5, largest=False).indices
        print(f"{(kinds[near].mode(1).values == right).float().mean().item():.4f}")

whole = ConcatDataset([train_set, test_set])
parts = [Subset(whole, range(200)), Subset(whole, range(200, 300))]
train_loader = DataLoader(parts[0], batch_size=20, shuffle=True)
held_out_loader, all_loader = DataLoader(parts[1], batch_size=50), DataLoader(whole, batch_size=50)
head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(head(x), y).backward()
    optimizer.step()
with torch.no_grad():
    print(sum((head(x).argmax(1) == y).sum().item() for x, y in held_out_loader) / 100)
    to_plot = torch.cat([head[0](x) for x, _ in all_loader])
    answers = torch.cat([head(x).argmax(1) for x, _ in all_loader])
print(to_plot.shape, len(answers))
