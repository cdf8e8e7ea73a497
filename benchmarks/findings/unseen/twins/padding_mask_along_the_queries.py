import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def make(n, longest, width):
    lengths = torch.randint(3, longest + 1, (n,))
    tokens = torch.randint(1, 10, (n, width))
    tokens[torch.arange(width) >= lengths[:, None]] = 0
    share = ((tokens > 0) & (tokens < 5)).sum(1) / lengths
    return tokens, (share > 0.5).long()


class Attention(nn.Module):
    def __init__(self, d=32, heads=4):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x, pad):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5
        scores = scores.masked_fill(pad == 0, -10000)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 32)
        self.attention = Attention()
        self.head = nn.Linear(32, 2)

    def forward(self, tokens):
        pad = (tokens != 0).unsqueeze(1).unsqueeze(2)
        h = self.attention(self.embedding(tokens), pad)
        return self.head(h[:, 0])


model = Model()
loader = DataLoader(TensorDataset(*make(3000, 8, 8)), batch_size=100, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    for tokens, y in loader:
        loss = F.cross_entropy(model(tokens), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    tokens, y = make(1000, 8, 60)
    print("accuracy in a longer batch", (model(tokens).argmax(1) == y).float().mean().item())
