# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)


def train(schedule_of, per_batch):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = schedule_of(optimizer)
    for epoch in range(6):
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if per_batch:
                schedule.step()
        if not per_batch:
            schedule.step()


rates = torch.optim.lr_scheduler
train(lambda o: rates.MultiStepLR(o, [3, 5], gamma=0.2), per_batch=False)
train(lambda o: rates.MultiStepLR(o, [20, 40], gamma=0.2), per_batch=True)
train(lambda o: rates.CosineAnnealingLR(o, 6), per_batch=False)
train(lambda o: rates.CosineAnnealingLR(o, 6 * len(train_loader)), per_batch=True)
