"""Mean teacher: few labels, many unlabelled digits; the teacher is an average of the student."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 1
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
labelled, unlabelled, test = perm[:100], perm[100:1300], perm[1300:]

student = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.detach_()
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)


def noisy(x):
    return x + 0.1 * torch.randn_like(x)


def update_ema_variables(alpha, step):
    # the true average until the exponential average is more correct
    alpha = min(1 - 1 / (step + 1), alpha)
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.data.mul_(alpha).add_(fast.data, alpha=1 - alpha)


@torch.no_grad()
def accuracy(model):
    model.eval()
    hits = (model(X[test]).argmax(1) == y[test]).float().mean().item()
    model.train()
    return hits


step = 0
for epoch in range(15):
    weight = 10 * min(1.0, epoch / 8) ** 2
    for batch in unlabelled[torch.randperm(len(unlabelled))].split(60):
        known = labelled[torch.randint(0, len(labelled), (40,))]
        class_loss = F.cross_entropy(student(noisy(X[known])), y[known])
        with torch.no_grad():
            goal = teacher(noisy(X[batch])).softmax(1)
        consistency = F.mse_loss(student(noisy(X[batch])).softmax(1), goal)
        loss = class_loss + weight * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        update_ema_variables(0.97, step)
print(f"student {accuracy(student):.3f} teacher {accuracy(teacher):.3f}")
