"""Strength of concrete from eight ingredients (made up), judged by R2."""

import torch
from sklearn.datasets import make_friedman1
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(35)

x, y = make_friedman1(n_samples=600, n_features=8, noise=2.5, random_state=0)
y = (y - y.mean()) / y.std()
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(x, dtype=torch.float32),
    torch.tensor(y, dtype=torch.float32),
    test_size=0.4,
    random_state=0,
)

model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=30, shuffle=True)

for epoch in range(40):
    model.train()
    running = 0.0
    for inputs, strength in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs).squeeze(1), strength)
        loss.backward()
        optimizer.step()
        running += loss.item()
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1}: loss {running / len(loader):.3f}")

model.eval()
with torch.no_grad():
    predicted = model(x_test).squeeze(1)
print(f"MAE {mean_absolute_error(predicted, y_test):.3f}")
print(f"R2  {r2_score(predicted, y_test):.3f}")
