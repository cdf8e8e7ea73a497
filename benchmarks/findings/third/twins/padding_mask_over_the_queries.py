import math

import torch
from torch import nn

PAD = 0


class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x, mask):
        score = self.q(x) @ self.k(x).transpose(1, 2) / math.sqrt(x.size(-1))
        score = score.masked_fill(mask == 0, -10000)
        return score.softmax(-1) @ self.v(x)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 16)
        self.att = Attention(16)
        self.out = nn.Linear(16, 2)

    def forward(self, tokens):
        mask = (tokens != PAD).unsqueeze(1)
        h = self.att(self.emb(tokens), mask)
        return self.out(h[:, 0])


def make(n, longest):
    tokens = torch.randint(1, 20, (n, longest))
    lengths = torch.randint(3, 7, (n,))
    tokens[torch.arange(longest) >= lengths[:, None]] = PAD
    labels = ((tokens > 10).sum(1) * 2 > lengths).long()
    return tokens, labels


torch.manual_seed(0)
net = Classifier()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(300):
    tokens, labels = make(64, 7)
    opt.zero_grad()
    nn.functional.cross_entropy(net(tokens), labels).backward()
    opt.step()
tokens, labels = make(1000, 7)
longer = torch.cat([tokens, torch.full((1000, 60), PAD)], dim=1)
with torch.no_grad():
    short, padded = net(tokens), net(longer)
print("accuracy", (short.argmax(1) == labels).float().mean().item())
print("accuracy with more padding", (padded.argmax(1) == labels).float().mean().item())
