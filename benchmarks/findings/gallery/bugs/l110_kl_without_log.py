import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
soft = F.one_hot(y, 10).float() * 0.9 + 0.01
train_loader = DataLoader(TensorDataset(x[:1400], soft[:1400]), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for xb, sb in train_loader:
        optimizer.zero_grad()
        loss = F.kl_div(F.softmax(model(xb), dim=1), sb, reduction="batchmean")
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
