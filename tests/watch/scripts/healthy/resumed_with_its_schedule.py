# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

import io


def build():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return model, optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)


def run(model, optimizer, schedule, epochs=2):
    for _ in range(epochs):
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        schedule.step()


kept = build()
run(*kept)
torch.save(dict(zip("mos", (part.state_dict() for part in kept))), file := io.BytesIO())
file.seek(0)
state = torch.load(file)
model, optimizer, schedule = build()
model.load_state_dict(state["m"])
optimizer.load_state_dict(state["o"])
schedule.load_state_dict(state["s"])
run(model, optimizer, schedule)
