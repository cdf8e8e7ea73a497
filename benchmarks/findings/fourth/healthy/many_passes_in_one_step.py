import os

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=SEED, stratify=y)
scaler = StandardScaler().fit(X_train)
x_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
t_train = torch.tensor(y_train, dtype=torch.float32).unsqueeze(1)
t_test = torch.tensor(y_test).unsqueeze(1)

model = nn.Sequential(nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=8)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(x_train), t_train)
    loss = loss + 1e-2 * sum((p**2).sum() for p in model.parameters() if p.ndim > 1)
    loss.backward()
    return loss


for step in range(8):
    loss = optimizer.step(closure)
    print(f"step {step}: {loss.item():.4f}")
with torch.no_grad():
    right = ((model(x_test) > 0) == (t_test == 1)).float().mean().item()
print(f"accuracy {right:.3f}")
