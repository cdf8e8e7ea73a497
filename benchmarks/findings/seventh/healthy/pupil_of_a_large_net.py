"""Knowledge distillation with temperature, the teacher in eval mode and without gradient."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 11
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
T, ALPHA = 2.0, 0.7


def net(width, dropout):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))


def loss_fn_kd(outputs, labels, teacher_outputs):
    soft = F.kl_div(
        F.log_softmax(outputs / T, dim=1),
        F.softmax(teacher_outputs / T, dim=1),
        reduction="batchmean",
    )
    return soft * (ALPHA * T * T) + F.cross_entropy(outputs, labels) * (1 - ALPHA)


def fit(model, epochs, rows, teacher=None):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        model.train()
        for idx in rows[torch.randperm(len(rows))].split(50):
            outputs = model(X[idx])
            if teacher is None:
                loss = F.cross_entropy(outputs, y[idx])
            else:
                with torch.no_grad():
                    teacher_outputs = teacher(X[idx])
                loss = loss_fn_kd(outputs, y[idx], teacher_outputs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(X[1300:]).argmax(1) == y[1300:]).float().mean().item()


rows = torch.arange(1300)
teacher = net(256, 0.5)
print(f"teacher {fit(teacher, 20, rows):.3f}")
print(f"small net alone {fit(net(12, 0.0), 40, rows[:400]):.3f}")
print(f"small net with teacher {fit(net(12, 0.0), 40, rows[:400], teacher):.3f}")
