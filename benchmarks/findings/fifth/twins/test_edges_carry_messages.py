"""Who will become friends? Link prediction with a small graph network written by hand."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
NODES, GROUPS = 120, 4
group = rng.integers(0, GROUPS, NODES)
chance = np.where(group[:, None] == group[None, :], 0.30, 0.03)
upper = np.triu(rng.random((NODES, NODES)) < chance, 1)
edges = torch.from_numpy(np.argwhere(upper))
strangers = torch.from_numpy(np.argwhere(np.triu(~upper, 1)))

edges = edges[torch.randperm(len(edges))]
held = len(edges) // 4
test_edges, train_edges = edges[:held], edges[held:]
strangers = strangers[torch.randperm(len(strangers))]
test_strangers, train_strangers = strangers[:held], strangers[held:]


def propagation_matrix(pairs):
    adjacency = torch.eye(NODES)
    adjacency[pairs[:, 0], pairs[:, 1]] = 1
    adjacency[pairs[:, 1], pairs[:, 0]] = 1
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale[None, :]


class LinkNet(nn.Module):
    def __init__(self, matrix, width=16):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.nodes = nn.Embedding(NODES, width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, pairs):
        h = torch.relu(self.matrix @ self.first(self.nodes.weight))
        h = self.matrix @ self.second(h)
        return (h[pairs[:, 0]] * h[pairs[:, 1]]).sum(1)


model = LinkNet(propagation_matrix(train_edges))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
for step in range(100):
    model.train()
    drawn = train_strangers[torch.randint(len(train_strangers), (len(train_edges),))]
    logits = model(torch.cat([train_edges, drawn]))
    target = torch.cat([torch.ones(len(train_edges)), torch.zeros(len(drawn))])
    loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    logits = model(torch.cat([test_edges, test_strangers]))
truth = np.r_[np.ones(len(test_edges)), np.zeros(len(test_strangers))]
print(f"training loss {loss.item():.3f}")
print(f"AUC for friendships still to come {roc_auc_score(truth, logits.numpy()):.3f}")
