import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

T = 2.0
torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
x_train, y_train = x[:1400], y[:1400]
x_test, y_test = x[1400:], y[1400:]


def batches(n, size):
    return torch.randperm(n).split(size)


teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for epoch in range(12):
    for i in batches(1400, 50):
        opt.zero_grad()
        F.cross_entropy(teacher(x_train[i]), y_train[i]).backward()
        opt.step()
teacher.eval().requires_grad_(False)


class ListKL(nn.Module):
    def __init__(self):
        super().__init__()
        self.kl = nn.KLDivLoss(reduction="batchmean")

    def forward(self, student_logits, teacher_logits):
        ours = F.softmax(student_logits / T, dim=-1)
        theirs = F.softmax(teacher_logits / T, dim=-1)
        return self.kl(ours, theirs) * T * T


student = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
distill = ListKL()
opt = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(15):
    for i in batches(1400, 50):
        loss = distill(student(x_train[i]), teacher(x_train[i]))
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: distillation loss {loss.item():.3f}")
with torch.no_grad():
    s, t = student(x_test), teacher(x_test)
print(f"teacher {(t.argmax(1) == y_test).float().mean():.3f}")
print(f"student {(s.argmax(1) == y_test).float().mean():.3f}")
print(f"difference of the probabilities {(s.softmax(1) - t.softmax(1)).abs().sum(1).mean():.3f}")
