import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images[:600] / 16, dtype=torch.float32).unsqueeze(1)
mask = torch.zeros_like(x)
mask[x > 0.25] = 1
mask[x > 0.75] = 4
x = F.interpolate(x, size=(12, 12), mode="bilinear")
mask = F.interpolate(mask, size=(12, 12), mode="bilinear")
mask = mask.squeeze(1).long()
train_loader = DataLoader(TensorDataset(x[:500], mask[:500]), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 5, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for image, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(image), target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
