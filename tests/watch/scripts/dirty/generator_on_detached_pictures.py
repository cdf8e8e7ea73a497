# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)

generator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
critic = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
criterion = nn.BCEWithLogitsLoss()
fixed = torch.randn(16, 4)
for epoch in range(3):
    for i, (real, _) in enumerate(train_loader):
        critic.zero_grad()
        criterion(critic(real), torch.ones(len(real), 1)).backward()
        fake = generator(torch.randn(len(real), 4))
        criterion(critic(fake.detach()), torch.zeros(len(real), 1)).backward()
        optimizer_d.step()
        generator.zero_grad()
        loss_g = criterion(critic(fake.detach()), torch.ones(len(real), 1))
        loss_g.backward()  # <- R102
        optimizer_g.step()
        if i % 5 == 0:
            with torch.no_grad():
                generator(fixed)
