"""Bags of cells: a bag is positive when it holds at least one strange cell."""

import torch
from torch import nn

torch.manual_seed(0)
CELLS, FEATURES = 12, 10


def make_bags(count):
    cells = torch.randn(count, CELLS, FEATURES)
    positive = torch.rand(count) < 0.5
    strange = torch.randint(0, CELLS, (count,))
    shift = torch.zeros(FEATURES)
    shift[:4] = 2.0
    cells[torch.arange(count)[positive], strange[positive]] += shift
    return cells, positive.float()


class AttentionPooling(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.project = nn.Linear(width, 16)
        self.score = nn.Linear(16, 1)

    def forward(self, h):  # bags, cells, width
        scores = self.score(torch.tanh(self.project(h)))
        weights = torch.softmax(scores, dim=0)
        return (weights * h).sum(dim=1)


class BagNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(FEATURES, 24), nn.ReLU())
        self.pool = AttentionPooling(24)
        self.classify = nn.Linear(24, 1)

    def forward(self, bags):
        return self.classify(self.pool(self.encode(bags))).squeeze(1)


train_bags, train_labels = make_bags(800)
test_bags, test_labels = make_bags(300)
net = BagNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(15):
    net.train()
    for part in torch.randperm(800).split(32):
        optimizer.zero_grad()
        logits = net(train_bags[part])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, train_labels[part])
        loss.backward()
        optimizer.step()
print(f"training loss {loss.item():.3f}")

net.eval()
with torch.no_grad():
    # in the clinic the bags come one by one
    answers = torch.cat([net(bag.unsqueeze(0)) for bag in test_bags])
print(f"accuracy {((answers > 0) == test_labels.bool()).float().mean().item():.3f}")
