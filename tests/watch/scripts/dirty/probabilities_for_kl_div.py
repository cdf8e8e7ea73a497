# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs = torch.randn(200, 6)
teacher, student = nn.Linear(6, 4), nn.Linear(6, 4)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)


def step(x):
    with torch.no_grad():
        wanted = F.softmax(teacher(x), dim=1)
    given = student(x).softmax(dim=1)  # <- L110
    loss = nn.KLDivLoss(reduction="batchmean")(given, wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


for rows in torch.randperm(200).repeat(2).split(20):
    step(inputs[rows])
