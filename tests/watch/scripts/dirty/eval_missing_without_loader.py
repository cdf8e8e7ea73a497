# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(200, 6)
y = (x[:, 0] > 0).long()
x_train, y_train, x_test, y_test = x[:150], y[:150], x[150:], y[150:]
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(20):
    optimizer.zero_grad()
    loss = loss_fn(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        test_logits = model(x_test)  # <- R103
        test_loss = loss_fn(test_logits, y_test)
