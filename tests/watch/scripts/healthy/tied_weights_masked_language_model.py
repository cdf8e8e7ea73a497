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


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(32, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 32, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(self.encoder(self.embed(tokens)))


tokens = torch.randint(1, 32, (96, 12))
loader = DataLoader(TensorDataset(tokens), batch_size=16, shuffle=True)
held_out = DataLoader(TensorDataset(torch.randint(1, 32, (32, 12))), batch_size=16)
model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


def loss_of(batch):
    masked = torch.rand(batch.shape) < 0.3
    target = batch.masked_fill(~masked, -100)
    return F.cross_entropy(
        model(batch.masked_fill(masked, 0)).transpose(1, 2), target, ignore_index=-100
    )


for epoch in range(2):
    model.train()
    for (batch,) in loader:
        loss = loss_of(batch)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for (batch,) in held_out:
            loss_of(batch).item()
