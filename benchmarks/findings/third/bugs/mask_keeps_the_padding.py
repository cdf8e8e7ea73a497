import torch
import torch.nn.functional as F
from torch import nn


class LabelAttention(nn.Module):
    def __init__(self, words=30, d=16, classes=3):
        super().__init__()
        self.emb = nn.Embedding(words, d)
        self.query = nn.Parameter(torch.randn(classes, d))
        self.value = nn.Linear(d, d)
        self.out = nn.Linear(d, 1)

    def forward(self, tokens):
        e = self.emb(tokens)
        pad = (tokens == 0).unsqueeze(1).expand(-1, len(self.query), -1)
        q = self.query.expand(len(tokens), -1, -1)
        h = F.scaled_dot_product_attention(q, e, self.value(e), attn_mask=pad)
        return self.out(h).squeeze(-1)


def texts(n):
    label = torch.randint(3, (n,))
    tokens = torch.randint(1, 21, (n, 10))
    tokens[torch.arange(n), torch.randint(0, 5, (n,))] = 21 + 3 * label + torch.randint(0, 3, (n,))
    tokens[torch.arange(10) >= torch.randint(6, 10, (n, 1))] = 0
    return tokens, label


torch.manual_seed(0)
net = LabelAttention()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for i in range(200):
    tokens, label = texts(64)
    loss = F.cross_entropy(net(tokens), label)
    opt.zero_grad()
    loss.backward()
    opt.step()
tokens, label = texts(1000)
with torch.no_grad():
    print("loss", loss.item(), "accuracy", (net(tokens).argmax(1) == label).float().mean().item())
