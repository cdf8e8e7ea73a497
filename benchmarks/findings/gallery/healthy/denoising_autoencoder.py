import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
train_loader = DataLoader(TensorDataset(x[:1400]), batch_size=50, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.ConvTranspose2d(8, 8, 2, stride=2),
    nn.ReLU(),
    nn.Conv2d(8, 1, 3, padding=1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for (xb,) in train_loader:
        noisy = xb + 0.2 * torch.randn_like(xb)
        optimizer.zero_grad()
        loss = F.mse_loss(model(noisy), xb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
