import os
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Settings:
    seed: int = int(os.environ.get("SEED", 0))
    temperature: float = 3.0
    mix: float = 0.7
    micro_batch: int = 16
    accumulate: int = 4
    lr: float = 3e-3


def mlp(*widths):
    layers = []
    for a, b in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def distillation_loss(student_logits, teacher_logits, labels, s):
    soft = F.kl_div(
        F.log_softmax(student_logits / s.temperature, dim=1),
        F.softmax(teacher_logits / s.temperature, dim=1),
        reduction="batchmean",
    )
    hard = F.cross_entropy(student_logits, labels)
    return s.mix * s.temperature**2 * soft + (1 - s.mix) * hard


def main():
    s = Settings()
    torch.manual_seed(s.seed)
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32) / 16
    y = torch.tensor(data.target)
    shuffled = torch.randperm(len(x))
    train_i, test_i = shuffled[:1400], shuffled[1400:]
    train_set = TensorDataset(x[train_i], y[train_i])

    teacher = mlp(64, 128, 128, 10)
    optimizer = torch.optim.Adam(teacher.parameters(), lr=s.lr)
    for _ in range(8):
        for xb, yb in DataLoader(train_set, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(teacher(xb), yb).backward()
            optimizer.step()
    print(f"teacher {accuracy(teacher, x[test_i], y[test_i]):.3f}")
    teacher.requires_grad_(False)

    student = mlp(64, 16, 10)
    optimizer = torch.optim.Adam(student.parameters(), lr=s.lr)
    for epoch in range(12):
        student.train()
        loader = DataLoader(train_set, batch_size=s.micro_batch, shuffle=True)
        optimizer.zero_grad()
        for i, (xb, yb) in enumerate(loader, start=1):
            loss = distillation_loss(student(xb), teacher(xb), yb, s)
            (loss / s.accumulate).backward()
            if i % s.accumulate == 0 or i == len(loader):
                optimizer.step()
                optimizer.zero_grad()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1}: student {accuracy(student, x[test_i], y[test_i]):.3f}")


if __name__ == "__main__":
    main()
