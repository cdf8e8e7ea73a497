"""Logistic regression with L-BFGS: the whole table at once, the step asks for the loss many times."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)

x, y = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)
y_test = torch.tensor(y_test, dtype=torch.float32)

model = nn.Linear(30, 1)
nn.init.zeros_(model.weight)
nn.init.zeros_(model.bias)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1, max_iter=10, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = criterion(model(x_train).squeeze(1), y_train)
    # a little ridge, on the weights but not on the intercept
    loss = loss + 0.01 * model.weight.pow(2).sum()
    loss.backward()
    return loss


for step in range(6):
    loss = optimizer.step(closure)
    print(f"step {step}: loss {loss.item():.4f}")

with torch.no_grad():
    right = ((model(x_test).squeeze(1) > 0) == y_test.bool()).float().mean().item()
print(f"test accuracy {right:.3f}")
