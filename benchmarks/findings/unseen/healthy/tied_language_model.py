import os

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# The output layer is the embedding: one tensor, two names.
VOCAB, N = 15, 12


def text(n):
    start = torch.randint(0, VOCAB, (n, 1))
    return torch.cat([start, (start + torch.randint(1, 3, (n, N)).cumsum(1)) % VOCAB], 1)


class LM(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.token = nn.Embedding(VOCAB, d)
        self.position = nn.Parameter(torch.zeros(N, d))
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(d, VOCAB, bias=False)
        self.head.weight = self.token.weight
        nn.init.normal_(self.token.weight, std=0.1)
        self.register_buffer("mask", torch.triu(torch.ones(N, N, dtype=torch.bool), 1))

    def forward(self, t):
        n = t.shape[1]
        h = self.token(t) + self.position[:n]
        return self.head(self.encoder(h, mask=self.mask[:n, :n]))


model = LM()
decay = [p for p in model.parameters() if p.dim() > 1]
rest = [p for p in model.parameters() if p.dim() <= 1]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=3e-3
)
for step in range(250):
    batch = text(64)
    loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
print("loss", loss.item())
