"""Semi-supervised digits: most labels are unknown (-1); a trailing teacher steadies the student."""

import copy
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
KNOWN, DECAY = 100, 0.98
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
x_train, x_test, y_test = x[:1300], x[1300:], y[1300:]
labels = y[:1300].clone()
labels[KNOWN:] = -1

student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)


def shaken(pictures):
    return pictures + 0.15 * torch.randn_like(pictures)


@torch.no_grad()
def follow():
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.mul_(DECAY).add_(fast, alpha=1 - DECAY)


def batches(size=65, known=15):
    for part in (torch.randperm(1300 - KNOWN) + KNOWN).split(size):
        yield torch.cat([torch.randperm(KNOWN)[:known], part])


for epoch in range(15):
    student.train()
    for rows in batches():
        logits = student(shaken(x_train[rows]))
        with torch.no_grad():
            opinion = teacher(shaken(x_train[rows])).softmax(1)
        known_loss = F.cross_entropy(logits, labels[rows], ignore_index=-1)
        agreement = F.mse_loss(logits.softmax(1), opinion)
        loss = known_loss + 10 * min(1.0, epoch / 5) * agreement
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        follow()

for name, net in {"student": student, "teacher": teacher}.items():
    net.eval()
    with torch.no_grad():
        print(f"{name}: {(net(x_test).argmax(1) == y_test).float().mean().item():.3f}")
