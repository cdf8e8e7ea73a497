"""House prices from six features; both sides are standardised and the answer is turned back."""

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(41)
torch.manual_seed(41)

x = rng.normal(size=(800, 6))
price = 320_000 + 60_000 * x[:, 0] - 25_000 * x[:, 1] + 20_000 * x[:, 2] * x[:, 3]
price = price + rng.normal(0, 15_000, 800)
x_train, x_test, price_train, price_test = train_test_split(
    x, price, test_size=0.25, random_state=2
)

x_scaler, y_scaler = StandardScaler(), StandardScaler()
x_train = x_scaler.fit_transform(x_train)
x_test = x_scaler.transform(x_test)
y_train = y_scaler.fit_transform(price_train.reshape(-1, 1))
y_test = y_scaler.transform(price_test.reshape(-1, 1))


def tensor(array):
    return torch.tensor(array, dtype=torch.float32)


net = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(tensor(x_train), tensor(y_train)), batch_size=40, shuffle=True)
for epoch in range(40):
    net.train()
    total = 0.0
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

net.eval()
with torch.no_grad():
    answer = y_scaler.inverse_transform(net(tensor(x_test)).numpy())
rmse = np.sqrt(np.mean((answer - y_scaler.inverse_transform(y_test)) ** 2))
print(f"RMSE {rmse:,.0f} euros")
