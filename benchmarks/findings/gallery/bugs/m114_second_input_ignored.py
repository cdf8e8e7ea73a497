import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
extra = torch.stack([x.mean(1), x.std(1), x[:, :32].mean(1)], dim=1)
train_loader = DataLoader(
    TensorDataset(x[:1400], extra[:1400], y[:1400]), batch_size=50, shuffle=True
)


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Linear(64, 32)
        self.table = nn.Linear(3, 32)
        self.fc = nn.Linear(32, 10)

    def forward(self, x, extra):
        a = F.relu(self.image(x))
        b = F.relu(self.table(extra))
        return self.fc(a + a)


model = Fusion()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for xb, eb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb, eb), yb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
