import copy
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
d = load_digits()
order = torch.randperm(1797)
x, y = torch.tensor(d.data / 16).float()[order], torch.tensor(d.target)[order]
labelled, unlabelled, test = slice(0, 150), slice(0, 1300), slice(1300, 1797)

student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)


def noisy(batch):
    return batch + 0.15 * torch.randn_like(batch)


for step in range(350):
    rows = torch.randint(0, 150, (30,))
    many = torch.randint(0, 1300, (60,))
    loss = cross_entropy(student(noisy(x[labelled][rows])), y[labelled][rows])
    agreement = mse_loss(
        student(noisy(x[unlabelled][many])).softmax(1),
        teacher(noisy(x[unlabelled][many])).softmax(1),
    )
    loss = loss + 10 * min(1, step / 150) * agreement
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    decay = min(0.98, (step + 1) / (step + 10))
    with torch.no_grad():
        for t, s in zip(teacher.parameters(), student.parameters()):
            t.lerp_(s, 1 - decay)
    if step % 100 == 0:
        print(f"step {step}: loss {loss.item():.3f} agreement {agreement.item():.4f}")
with torch.no_grad():
    for name, net in (("student", student), ("teacher", teacher)):
        print(name, (net(x[test]).argmax(1) == y[test]).float().mean().item())
