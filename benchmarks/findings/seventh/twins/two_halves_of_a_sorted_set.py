"""Search of an operation mix: weights learn on one half, architecture parameters on the other."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.sampler import SubsetRandomSampler

SEED = 2
np.random.seed(SEED)
torch.manual_seed(SEED)

# the images lie in one folder per class and are read folder by folder
digits = load_digits()
order = np.argsort(digits.target, kind="stable")
images = torch.tensor(digits.images[order] / 16, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target[order])
train_data = TensorDataset(images, labels)

n_train = len(train_data)
split = n_train // 2
indices = list(range(n_train))
np.random.shuffle(indices)
train_sampler = SubsetRandomSampler(indices[:split])
valid_sampler = SubsetRandomSampler(indices[split:])
train_loader = DataLoader(train_data, batch_size=64, sampler=train_sampler)
valid_loader = DataLoader(train_data, batch_size=64, sampler=valid_sampler)


class MixedOp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ops = nn.ModuleList(
            [nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 1), nn.AvgPool2d(3, 1, 1)]
        )

    def forward(self, x, weights):
        return sum(w * op(x) for w, op in zip(weights, self.ops))


class SearchCNN(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.stem = nn.Conv2d(1, c, 3, padding=1)
        self.cells = nn.ModuleList([MixedOp(c), MixedOp(c)])
        self.alphas = nn.Parameter(1e-3 * torch.randn(2, 3))
        self.head = nn.Linear(c * 4, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        for cell, alpha in zip(self.cells, self.alphas):
            x = F.relu(cell(x, F.softmax(alpha, dim=-1)))
        return self.head(F.adaptive_max_pool2d(x, 2).flatten(1))


model = SearchCNN()
w_params = [p for n, p in model.named_parameters() if n != "alphas"]
w_optim = torch.optim.Adam(w_params, lr=3e-3)
alpha_optim = torch.optim.Adam([model.alphas], lr=3e-3)

for epoch in range(10):
    model.train()
    for (trn_X, trn_y), (val_X, val_y) in zip(train_loader, valid_loader):
        alpha_optim.zero_grad()
        F.cross_entropy(model(val_X), val_y).backward()
        alpha_optim.step()
        w_optim.zero_grad()
        loss = F.cross_entropy(model(trn_X), trn_y)
        loss.backward()
        w_optim.step()
    model.eval()
    hits = 0
    with torch.no_grad():
        for val_X, val_y in valid_loader:
            hits += (model(val_X).argmax(1) == val_y).sum().item()
    print(f"epoch {epoch} train loss {loss.item():.3f} valid prec@1 {hits / (n_train - split):.3f}")
