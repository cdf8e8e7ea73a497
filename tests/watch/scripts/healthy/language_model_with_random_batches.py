# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)

text = torch.randint(0, 24, (2000,))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(24, 16)
        self.place = nn.Embedding(16, 16)
        self.query = nn.Linear(16, 48, bias=False)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(16, 24)

    def forward(self, tokens, targets=None):
        x = self.drop(self.embed(tokens) + self.place(torch.arange(tokens.shape[1])))
        q, k, v = self.query(x).split(16, dim=2)
        x = x + F.scaled_dot_product_attention(
            q, k, v, is_causal=True, dropout_p=0.1 if self.training else 0.0
        )
        logits = self.head(x)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, 24), targets.view(-1))


def get_batch():
    starts = torch.randint(0, 1980, (8,))
    x = torch.stack([text[i : i + 16] for i in starts.tolist()])
    return x, torch.stack([text[i + 1 : i + 17] for i in starts.tolist()])


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95))


@torch.no_grad()
def estimate_loss():
    model.eval()
    losses = [model(*get_batch())[1].item() for _ in range(3)]
    model.train()
    return sum(losses) / 3


for step in range(30):
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * min(1.0, step / 10)
    if step % 10 == 0:
        estimate_loss()
    for micro in range(2):
        _, loss = model(*get_batch())
        (loss / 2).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
