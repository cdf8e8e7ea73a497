import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
data = load_diabetes()
x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor((data.target - 152) / 77, dtype=torch.float32).view(-1, 1)
net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
loss_fn = nn.MSELoss()
for epoch in range(20):
    for i in range(0, 360, 20):
        loss = loss_fn(net(x[i : i + 20]), y[i : i + 20])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print("epoch", epoch + 1, "mse", loss_fn(net(x[:360]), y[:360]).item())
with torch.no_grad():
    print("test mse", loss_fn(net(x[360:]), y[360:]).item())
