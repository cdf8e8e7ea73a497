# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
kinds = torch.randint(0, 2, (200,))
texts = [torch.randint(1, 20, (30,)).tolist() for kind in kinds]
texts = [words + [20 + kind] * 2 for kind, words in zip(kinds.tolist(), texts)]
longest = 10
ids = torch.tensor([words[:longest] for words in texts])  # <- D113
train_loader = DataLoader(TensorDataset(ids, kinds), batch_size=20, shuffle=True)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(22, 8, padding_idx=0)
        self.head = nn.Linear(8, 2)

    def forward(self, ids):
        return self.head(self.embed(ids).mean(1))


model = Bag()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    for ids, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids), y)
        loss.backward()
        optimizer.step()
