import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(1)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]


def cnn(width):
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(width * 16, 10),
    )


def accuracy(net):
    with torch.no_grad():
        return (net(x[1200:]).argmax(1) == y[1200:]).float().mean().item()


teacher, student = cnn(16), cnn(8)
opt = torch.optim.Adam(teacher.parameters(), lr=5e-3)
for part in torch.arange(1200).repeat(8).split(100):
    opt.zero_grad()
    F.cross_entropy(teacher(x[part]), y[part]).backward()
    opt.step()
opt = torch.optim.SGD(student.parameters(), lr=0.05)
for part in torch.arange(1200).repeat(8).split(100):
    with torch.no_grad():
        target = F.softmax(teacher(x[part]), dim=1)
    pred = F.log_softmax(student(x[part]), dim=1)
    loss = F.kl_div(pred, target, reduction="batchmean")
    opt.zero_grad()
    loss.backward()
    opt.step()
print("teacher", round(accuracy(teacher), 3), "student", round(accuracy(student), 3))
