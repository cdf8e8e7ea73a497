import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
t = torch.linspace(0, 1, 32)


def patches(n):
    speed = 6.28 * (1 + 7 * torch.rand(n, 1))
    phase = 6.28 * torch.rand(2, n, 1)
    return [torch.sin(speed * t + p) + 0.1 * torch.randn(n, 32) for p in phase]


encoder = nn.Sequential(
    nn.Unflatten(1, (1, 32)),
    nn.Conv1d(1, 16, 5),
    nn.ReLU(),
    nn.Conv1d(16, 32, 5),
    nn.ReLU(),
    nn.AdaptiveMaxPool1d(1),
    nn.Flatten(),
    nn.Linear(32, 16),
)
optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
for step in range(250):
    anchor, positive = patches(64)
    za = F.normalize(encoder(anchor), dim=1)
    zp = F.normalize(encoder(positive), dim=1)
    similarity = za @ zp.T
    pos_dists = 1 - similarity.diagonal()
    others = similarity.clone()
    others.diagonal().fill_(-float("inf"))
    neg_dists = 1 - others
    hard_neg_dists, _ = neg_dists.min(dim=1)
    loss = F.relu(pos_dists - hard_neg_dists + 0.5).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

with torch.no_grad():
    a, p = patches(200)
    match = F.normalize(encoder(a), dim=1) @ F.normalize(encoder(p), dim=1).T
    rank = (match > match.diagonal()[:, None]).sum(1).float().mean()
print("mean rank of the true partner among 200", rank.item())
