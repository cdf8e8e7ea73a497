"""Small graphs of two colours: do neighbours like their own colour? Batches are joined by hand."""

import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(39)


def graph():
    count = int(torch.randint(10, 17, (1,)))
    colour = torch.randint(0, 2, (count,))
    friendly = int(torch.randint(0, 2, (1,)))
    a, b = torch.triu_indices(count, count, 1)
    alike = colour[a] == colour[b]
    chance = torch.where(alike == bool(friendly), 0.35, 0.08)
    kept = torch.rand(len(a)) < chance
    edges = torch.stack([torch.cat([a[kept], b[kept]]), torch.cat([b[kept], a[kept]])])
    return nn.functional.one_hot(colour, 2).float(), edges, friendly


def collate(graphs):
    nodes, edges, owner, labels = [], [], [], []
    offset = 0
    for number, (x, edge, label) in enumerate(graphs):
        nodes.append(x)
        edges.append(edge + offset)
        owner.append(torch.full((len(x),), number))
        labels.append(label)
        offset += len(x)
    return torch.cat(nodes), torch.cat(edges, 1), torch.cat(owner), torch.tensor(labels)


class GraphNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.own, self.around = nn.Linear(2, width), nn.Linear(2, width)
        self.deep = nn.Linear(width, width)
        self.head = nn.Linear(width, 2)

    def forward(self, x, edges, owner, count):
        source, target = edges
        messages = torch.zeros_like(x).index_add(0, target, x[source])
        degree = torch.zeros(len(x), 1).index_add(0, target, torch.ones(len(source), 1))
        h = torch.relu(self.own(x) + self.around(messages / degree.clamp(min=1)))
        h = torch.relu(self.deep(h))
        sums = torch.zeros(count, h.shape[1]).index_add(0, owner, h)
        return self.head(sums / torch.bincount(owner, minlength=count).unsqueeze(1))


train_loader = DataLoader([graph() for _ in range(600)], 30, shuffle=True, collate_fn=collate)
test_loader = DataLoader([graph() for _ in range(200)], 50, collate_fn=collate)
net = GraphNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(10):
    net.train()
    total = 0.0
    for x, edges, owner, labels in train_loader:
        loss = nn.functional.cross_entropy(net(x, edges, owner, len(labels)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(train_loader):.3f}")

net.eval()
right = 0
with torch.no_grad():
    for x, edges, owner, labels in test_loader:
        right += (net(x, edges, owner, len(labels)).argmax(1) == labels).sum().item()
print(f"test accuracy {right / 200:.3f}")
