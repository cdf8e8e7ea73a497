"""Daily electricity demand of a town from weather and calendar, checked on the latest October."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

rng = np.random.default_rng(3)
torch.manual_seed(3)


def weather_and_load(days):
    season = np.cos(2 * np.pi * (days - 200) / 365.25)
    temperature = 11 + 12 * season + rng.normal(0, 3, len(days))
    daylight = 12 + 4.2 * np.cos(2 * np.pi * (days - 172) / 365.25)
    wind = rng.gamma(2.0, 2.0, len(days))
    weekend = (days % 7 >= 5).astype(float)
    heating = np.clip(16 - temperature, 0, None)
    cooling = np.clip(temperature - 21, 0, None)
    load = 60 + 2.1 * heating + 3.0 * cooling + 0.4 * wind - 9 * weekend - 1.5 * daylight
    load = load + rng.normal(0, 1.5, len(days))
    return np.stack([temperature, daylight, wind, weekend], axis=1), load


train_days = np.arange(0, 2 * 365)
test_days = np.arange(2 * 365 + 273, 2 * 365 + 304)

X_train, y_train = weather_and_load(train_days)
X_test, y_test = weather_and_load(test_days)

x_scaler = StandardScaler()
y_scaler = StandardScaler()
X_train = x_scaler.fit_transform(X_train)
X_test = x_scaler.transform(X_test)
y_train = y_scaler.fit_transform(y_train.reshape(-1, 1))

X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)

net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.MSELoss()

for epoch in range(60):
    order = torch.randperm(len(X_train))
    running = 0.0
    for start in range(0, len(order), 64):
        batch = order[start : start + 64]
        optimizer.zero_grad()
        loss = criterion(net(X_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(batch)
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1:3d}  train mse (scaled) {running / len(order):.4f}")

net.eval()
with torch.no_grad():
    forecast = y_scaler.inverse_transform(net(X_test).numpy()).ravel()
mean_error = np.abs(forecast - y_test).mean()
flat_error = np.abs(y_test.mean() - y_test).mean()
print(f"October: mean absolute error {mean_error:.2f} MW, of a flat line {flat_error:.2f} MW")
