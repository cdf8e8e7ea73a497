import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_diabetes(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0)
mean, std = y_train.mean(), y_train.std()
x_train = torch.tensor(x_train * 20, dtype=torch.float32)
x_test = torch.tensor(x_test * 20, dtype=torch.float32)
y_train = torch.tensor((y_train - mean) / std, dtype=torch.float32)
y_test = torch.tensor((y_test - mean) / std, dtype=torch.float32)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 32)
        self.fc2 = nn.Linear(32, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.fc1(x))
        h = torch.relu(self.fc2(h))
        h = F.dropout(h, 0.5)
        return self.out(h).squeeze(1)


model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(25):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    first, second = model(x_test), model(x_test)
print("error on test", F.mse_loss(first, y_test).item())
print("two predictions differ by", (first - second).abs().mean().item())
