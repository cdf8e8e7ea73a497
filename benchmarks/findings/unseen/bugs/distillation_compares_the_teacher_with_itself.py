import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
x_few, y_few = x[:30], y[:30]

large = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
small = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
optimizer = torch.optim.Adam(large.parameters(), lr=2e-3)
for epoch in range(10):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(large(xb), yb).backward()
        optimizer.step()

temperature = 4.0
optimizer = torch.optim.Adam(small.parameters(), lr=3e-3)
for epoch in range(15):
    for xb, _ in train_loader:
        with torch.no_grad():
            large_logits = large(xb)
        output = small(xb)
        soft_targets = F.softmax(large_logits / temperature, dim=1)
        soft_prediction = F.log_softmax(large_logits / temperature, dim=1)
        soft_loss = F.kl_div(soft_prediction, soft_targets, reduction="batchmean")
        label_loss = F.cross_entropy(small(x_few), y_few)
        loss = temperature**2 * soft_loss + 0.1 * label_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: soft {soft_loss.item():.4f}, label {label_loss.item():.4f}")

with torch.no_grad():
    print("accuracy", (small(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
