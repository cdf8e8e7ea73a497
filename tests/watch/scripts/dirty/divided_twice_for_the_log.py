# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(400, 8)
labels = (inputs[:, 0] > 0).long()


class Trainer:
    def __init__(self, micro):
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.micro = micro

    def step(self):
        self.optimizer.zero_grad()
        logged = 0.0
        for _ in range(self.micro):
            part = torch.randint(0, 400, (25,))
            loss = nn.functional.cross_entropy(self.model(inputs[part]), labels[part]) / self.micro
            loss.backward()
            logged += loss.item()
        self.optimizer.step()
        return logged / self.micro  # <- E101


trainer = Trainer(4)
for step in range(40):
    mean = trainer.step()
    if step % 10 == 9:
        print(step, mean)
