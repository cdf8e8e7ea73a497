"""Forecast of the next closing price by an LSTM; the last fifth of the days is the test."""

import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import MinMaxScaler

np.random.seed(9)
torch.manual_seed(9)
TIMESTAMP = 12


def closing_prices(days=700):
    returns = 0.004 + 0.010 * np.random.randn(days)
    season = 0.02 * np.sin(np.arange(days) / 9)
    return (40 * np.exp(np.cumsum(returns) + season)).reshape(-1, 1)


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.dense = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.dense(self.lstm(x)[0][:, -1])


def windows(series):
    x = np.stack([series[i : i + TIMESTAMP] for i in range(len(series) - TIMESTAMP)])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(
        series[TIMESTAMP:], dtype=torch.float32
    )


close = closing_prices()
n_train = int(0.8 * len(close))
minmax = MinMaxScaler().fit(close)
scaled = minmax.transform(close)

x_train, y_train = windows(scaled[:n_train])
x_test, y_test = windows(scaled[n_train - TIMESTAMP :])

model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.MSELoss()
for epoch in range(40):
    model.train()
    epoch_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} loss {epoch_loss / len(x_train):.5f}")

model.eval()
with torch.no_grad():
    predicted = minmax.inverse_transform(model(x_test).numpy())
actual = minmax.inverse_transform(y_test.numpy())
error = np.abs(predicted - actual) / actual
print(
    f"test: mean absolute percentage error {100 * error.mean():.2f} %, accuracy {100 - 100 * error.mean():.2f} %"
)
