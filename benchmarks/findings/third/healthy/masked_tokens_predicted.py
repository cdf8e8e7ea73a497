import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
MASK = 10


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.pos = nn.Embedding(11, 32), nn.Embedding(12, 32)
        layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
        self.enc = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        return self.out(self.enc(self.emb(x) + self.pos.weight))


net = Bert()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for step in range(250):
    tokens = (torch.randint(10, (64, 1)) + torch.arange(12)) % 10
    hidden = torch.rand(64, 12) < 0.15
    labels = tokens.masked_fill(~hidden, -100)
    logits = net(tokens.masked_fill(hidden, MASK))
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(
    "accuracy on hidden tokens", (logits.argmax(-1)[hidden] == tokens[hidden]).float().mean().item()
)
