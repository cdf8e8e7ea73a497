import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


class Triplets(Dataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        alike = torch.nonzero(y[:1400] == y[index]).flatten()
        other = torch.nonzero(y[:1400] != y[index]).flatten()
        near = alike[torch.randint(len(alike), (1,))].item()
        far = other[torch.randint(len(other), (1,))].item()
        return x[index], x[near], x[far]


loader = DataLoader(Triplets(), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.TripletMarginLoss(margin=0.5)
for epoch in range(3):
    for anchor, near, far in loader:
        optimizer.zero_grad()
        loss = criterion(model(anchor), model(near), model(far))
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
