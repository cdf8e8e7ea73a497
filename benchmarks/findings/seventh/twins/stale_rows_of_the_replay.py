"""A transformer over observations of episodes of different length, cut from a ring buffer."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
T, OBS, DIM = 20, 4, 32


def sample_from_buffer(n):
    # beyond the end of an episode, a row still holds what was written there before
    obs = torch.randn(n, T, OBS)
    obs[:, :, 0] += torch.randn(n, 1) * 0.5
    length = torch.randint(3, 12, (n,))
    mask = torch.arange(T)[None, :] < length[:, None]
    won = ((obs[:, :, 0] * mask).sum(1) > 0).long()
    obs = torch.where(mask[:, :, None], obs, 3 * torch.randn(n, T, OBS))
    return obs, mask, won


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.attention_pre = nn.Linear(dim, dim * 3)
        self.project = nn.Linear(dim, dim)

    def split(self, x):
        b, t, d = x.shape
        return x.view(b, t, self.heads, d // self.heads).transpose(1, 2)

    def forward(self, x, mask):
        query, key, value = (self.split(p) for p in self.attention_pre(x).chunk(3, dim=-1))
        score = query @ key.transpose(-2, -1) / (query.shape[-1] ** 0.5)
        score.masked_fill_(~mask[:, None, None, :], -1e9)
        attention = (F.softmax(score, dim=-1) @ value).transpose(1, 2).flatten(2)
        return self.project(attention)


class EpisodeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(OBS, DIM)
        self.attn = nn.ModuleList([Attention(DIM, 4) for _ in range(2)])
        self.norm = nn.ModuleList([nn.LayerNorm(DIM) for _ in range(2)])
        self.out = nn.Linear(DIM, 2)

    def forward(self, obs, mask):
        x = self.embed(obs)
        for attn, norm in zip(self.attn, self.norm):
            x = norm(x + attn(x, mask))
        return self.out(x[:, 0])


train, test = sample_from_buffer(3000), sample_from_buffer(1000)
model = EpisodeNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    model.train()
    for idx in torch.randperm(3000).split(100):
        obs, mask, won = (t[idx] for t in train)
        loss = F.cross_entropy(model(obs, mask), won)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(test[0], test[1]).argmax(1) == test[2]).float().mean()
    print(f"epoch {epoch} loss {loss.item():.3f} test accuracy {acc:.3f}")
