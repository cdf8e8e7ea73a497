import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
generator = torch.Generator().manual_seed(1)
x = torch.randn(800, 12, generator=generator)
target = x[:, 0] * 2 - x[:, 3] + 0.5 * x[:, 7] ** 2
target = target + 0.3 * torch.randn(800, generator=generator)
train_loader = DataLoader(TensorDataset(x[:700], target[:700]), batch_size=35, shuffle=True)


def loss_function(prediction, target):
    return ((prediction - target) ** 2).mean()


model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(5):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_function(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
