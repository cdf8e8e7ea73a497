import numpy as np
import torch
import torch.nn.functional as F
from sklearn.preprocessing import MinMaxScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(3)
price = 100 * np.exp(np.cumsum(rng.normal(0.0015, 0.01, 1200)))
n_train = 900

scaled = MinMaxScaler().fit_transform(price.reshape(-1, 1)).astype(np.float32)

series = torch.from_numpy(scaled).squeeze(1)
windows = series.unfold(0, 16, 1)
x, y = windows[:, :15].unsqueeze(-1), windows[:, 15]
x_train, y_train = x[: n_train - 15], y[: n_train - 15]
x_test, y_test = x[n_train:], y[n_train:]
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=50, shuffle=True)


class Price(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1]).squeeze(1)


model = Price()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    error = F.mse_loss(model(x_test), y_test).sqrt().item()
print(
    "range of the training period after scaling",
    series[:n_train].min().item(),
    series[:n_train].max().item(),
)
print("error on test, in scaled units", error)
