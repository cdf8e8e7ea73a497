import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn


class Net(nn.Module):
    def __init__(self, n_in, width=8, depth=6):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.hidden = [nn.Linear(width, width) for _ in range(depth)]
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.out(x).squeeze(1)


torch.manual_seed(0)
data = load_diabetes()
X = torch.tensor(scale(data.data), dtype=torch.float32)
Y = torch.tensor(scale(data.target), dtype=torch.float32)
net = Net(10)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(1, 61):
    for i in range(0, 350, 35):
        optimizer.zero_grad()
        loss = torch.mean((net(X[i : i + 35]) - Y[i : i + 35]) ** 2)
        loss.backward()
        optimizer.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            print(epoch, "train mse", round(torch.mean((net(X[:350]) - Y[:350]) ** 2).item(), 3))
print("trained numbers:", sum(p.numel() for p in net.parameters()))
