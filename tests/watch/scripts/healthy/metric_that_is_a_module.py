# ruff: noqa
# A metric that is a module, with a hash and an equality of its own.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

torch.manual_seed(0)


class Learner(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
        self.accuracy = MulticlassAccuracy(num_classes=3)

    def forward(self, x):
        return self.body(x)


x = torch.randn(240, 6)
y = (x[:, :3] + 0.1 * torch.randn(240, 3)).argmax(1)
train = DataLoader(TensorDataset(x[:180], y[:180]), batch_size=20, shuffle=True)
held = DataLoader(TensorDataset(x[180:], y[180:]), batch_size=20)
learner = Learner()
optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
for epoch in range(3):
    learner.train()
    for inputs, classes in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(learner(inputs), classes)
        loss.backward()
        optimizer.step()
    learner.eval()
    learner.accuracy.reset()
    with torch.no_grad():
        for inputs, classes in held:
            learner.accuracy.update(learner(inputs), classes)
    print(float(learner.accuracy.compute()))
