"""An explainer learns which edges of a graph carry the decision of a trained graph network."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
NODES, FEATS = 10, 16


def make_graphs(n):
    x = torch.randn(n, NODES, FEATS)
    adj = (torch.rand(n, NODES, NODES) < 0.25).float().triu(1)
    y = torch.arange(n) % 2
    for i in range(n):
        a, b, c, d = torch.randperm(NODES)[:4].sort().values.tolist()
        marked = torch.zeros(NODES, dtype=torch.bool)
        marked[[a, b, c, d]] = True
        x[i, :, 0] = torch.where(marked, 1.5, -1.5) + 0.5 * torch.randn(NODES)
        adj[i][marked[:, None] & marked[None, :]] = 0
        if y[i] == 1:
            for u, v in ((a, b), (b, c), (c, d), (a, d)):
                adj[i, u, v] = 1.0
    return x, adj + adj.transpose(1, 2), y


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1, self.lin2, self.out = nn.Linear(FEATS, 32), nn.Linear(32, 32), nn.Linear(32, 2)

    def forward(self, x, adj):
        h = F.relu(self.lin1(x + adj @ x))
        h = F.relu(self.lin2(h + adj @ h))
        return self.out(h.amax(dim=1))


class ExplainModel(nn.Module):
    """Gives every edge the chance that it must go for the decision to turn."""

    def __init__(self):
        super().__init__()
        self.scorer = nn.Sequential(nn.Linear(2 * FEATS, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, x, adj):
        n = x.shape[1]
        left, right = x.unsqueeze(2).expand(-1, -1, n, -1), x.unsqueeze(1).expand(-1, n, -1, -1)
        score = self.scorer(torch.cat([left, right], -1)) + self.scorer(
            torch.cat([right, left], -1)
        )
        return torch.sigmoid(score.squeeze(-1)) * adj


x, adj, y = make_graphs(260)
train_indices, test_indices = torch.arange(0, 200), torch.arange(200, 260)
base_model = GCN()
optimizer = torch.optim.Adam(base_model.parameters(), lr=5e-3)
for epoch in range(40):
    for idx in train_indices[torch.randperm(200)].split(40):
        loss = F.cross_entropy(base_model(x[idx], adj[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
base_model.requires_grad_(False)
acc = (base_model(x[test_indices], adj[test_indices]).argmax(1) == y[test_indices]).float().mean()
print(f"base model, test accuracy {acc:.3f}")

explainer = ExplainModel()
optimizer = torch.optim.Adam(explainer.parameters(), lr=1e-2)
positive = base_model(x, adj).argmax(1) == 1
exp_indices = test_indices[positive[test_indices]]
for epoch in range(150):
    mask = explainer(x[exp_indices], adj[exp_indices])
    left_over = base_model(x[exp_indices], adj[exp_indices] - mask)
    loss = F.relu(left_over[:, 1] - left_over[:, 0] + 0.5).mean() + 0.015 * mask.sum((1, 2)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

eval_indices = test_indices[positive[test_indices]]
with torch.no_grad():
    cut = (explainer(x[eval_indices], adj[eval_indices]) > 0.5).float()
    turned = base_model(x[eval_indices], adj[eval_indices] - cut).argmax(1) == 0
print(f"test graphs whose decision turns {turned.float().mean():.3f}")
print(f"edges taken away, of all {cut.sum() / adj[eval_indices].sum():.3f}")
