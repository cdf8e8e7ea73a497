"""Momentum contrast on digits: a queue of keys, a key encoder without gradient, then a probe."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 2
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)


def view(x):
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, (dy, dx), dims=(2, 3))
    return x + 0.15 * torch.randn_like(x)


class MoCo(nn.Module):
    def __init__(self, dim=32, K=512, m=0.98, T=0.2):
        super().__init__()
        self.K, self.m, self.T = K, m, T
        self.encoder_q = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, dim)
        )
        self.encoder_k = copy.deepcopy(self.encoder_q)
        for p in self.encoder_k.parameters():
            p.requires_grad = False
        self.register_buffer("queue", F.normalize(torch.randn(K, dim), dim=1))
        self.pointer = 0

    def forward(self, im_q, im_k):
        q = F.normalize(self.encoder_q(im_q), dim=1)
        with torch.no_grad():
            for k, p in zip(self.encoder_k.parameters(), self.encoder_q.parameters()):
                k.data = k.data * self.m + p.data * (1 - self.m)
            key = F.normalize(self.encoder_k(im_k), dim=1)
        positive = (q * key).sum(1, keepdim=True)
        negative = q @ self.queue.clone().detach().t()
        logits = torch.cat([positive, negative], dim=1) / self.T
        with torch.no_grad():
            self.queue[self.pointer : self.pointer + len(key)] = key
            self.pointer = (self.pointer + len(key)) % self.K
        # the positive stands in column zero for every row
        return logits, torch.zeros(len(q), dtype=torch.long)


moco = MoCo()
optimizer = torch.optim.Adam(moco.encoder_q.parameters(), lr=1e-3)
for epoch in range(20):
    for idx in torch.randperm(1280).split(64):
        logits, labels = moco(view(X[idx]), view(X[idx]))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"contrastive loss {loss.item():.3f}")

moco.requires_grad_(False)
probe = nn.Linear(128, 10)
features = moco.encoder_q[:3]
optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2)
for _ in range(100):
    loss = F.cross_entropy(probe(features(X[:1280])), y[:1280])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"probe accuracy {(probe(features(X[1280:])).argmax(1) == y[1280:]).float().mean():.3f}")
