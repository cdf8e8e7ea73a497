# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(160, 8)
labels = (inputs[:, 0] > 0).long()
train_loader = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)


class Trainer:
    def __init__(self, epochs):
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda e: 0.9**e)
        self.epochs = epochs

    def step(self, x, y):
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(x), y).backward()
        self.optimizer.step()
        self.schedule.step()  # <- O108

    def run(self):
        for epoch in range(self.epochs):
            for x, y in train_loader:
                self.step(x, y)


trainer = Trainer(20)
trainer.run()
