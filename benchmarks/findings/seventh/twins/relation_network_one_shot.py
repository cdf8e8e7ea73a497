"""Learning to compare: one-shot episodes of made glyphs, judged by a relation network."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(17)
WAY, QUERIES, SIDE = 5, 6, 8

glyphs = (torch.rand(80, 1, SIDE, SIDE) < 0.4).float()
train_glyphs, test_glyphs = glyphs[:60], glyphs[60:]


def draw(glyph, n, paper):
    ink = 0.4 + 0.6 * torch.rand(n, 1, 1, 1)
    keep = (torch.rand(n, 1, SIDE, SIDE) > 0.15).float()
    return paper + glyph * ink * keep + 0.3 * torch.randn(n, 1, SIDE, SIDE)


def episode(pool, paper):
    classes = torch.randperm(len(pool))[:WAY].tolist()
    support = torch.cat([draw(pool[c], 1, paper) for c in classes])
    query = torch.cat([draw(pool[c], QUERIES, paper) for c in classes])
    return support, query, torch.arange(WAY).repeat_interleave(QUERIES)


class CNNEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.layers(x)


class RelationNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(48, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU())
        self.fc = nn.Sequential(nn.Linear(24 * 16, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())

    def forward(self, x):
        return self.fc(self.layer(x).flatten(1))


encoder, relation = CNNEncoder(), RelationNetwork()
optimizer = torch.optim.Adam([*encoder.parameters(), *relation.parameters()], lr=1e-3)


def relations(support, query):
    s, q = encoder(support), encoder(query)
    pairs = torch.cat(
        [s.unsqueeze(0).expand(len(q), -1, -1, -1, -1), q.unsqueeze(1).expand(-1, WAY, -1, -1, -1)],
        dim=2,
    )
    return relation(pairs.flatten(0, 1)).view(len(q), WAY)


def test(episodes=150):
    encoder.eval()
    relation.eval()
    hits = 0
    with torch.no_grad():
        for _ in range(episodes):
            support, query, labels = episode(test_glyphs, paper=0.8)
            hits += (relations(support, query).argmax(1) == labels).sum().item()
    return hits / (episodes * WAY * QUERIES)


for epoch in range(4):
    encoder.train()
    relation.train()
    for _ in range(120):
        support, query, labels = episode(train_glyphs, paper=0.0)
        loss = F.mse_loss(relations(support, query), F.one_hot(labels, WAY).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f} test accuracy {test():.3f}")
