# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(160, 8)
labels = (inputs[:, 0] > 0).long()
train_loader = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)
EPOCHS = 10


def train(make_schedule):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = make_schedule(optimizer)
    for epoch in range(EPOCHS):
        for x, y in train_loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()


lr = torch.optim.lr_scheduler
train(lambda o: lr.ExponentialLR(o, gamma=0.97))
train(lambda o: lr.CosineAnnealingLR(o, T_max=EPOCHS * len(train_loader)))
train(lambda o: lr.CosineAnnealingLR(o, T_max=len(train_loader)))
train(lambda o: lr.LambdaLR(o, lambda step: min(1.0, (step + 1) / 20) * 0.99**step))
train(lambda o: lr.StepLR(o, step_size=40, gamma=0.1))
