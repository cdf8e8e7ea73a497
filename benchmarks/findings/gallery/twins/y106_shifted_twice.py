import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
generator = torch.Generator().manual_seed(1)
successor = torch.randperm(20, generator=generator)
tokens = torch.randint(0, 20, (600, 17), generator=generator)
for t in range(1, 17):
    follow = torch.rand(600, generator=generator) < 0.8
    tokens[follow, t] = successor[tokens[follow, t - 1]]
inputs = tokens
labels = tokens
train_loader = DataLoader(TensorDataset(inputs[:500], labels[:500]), batch_size=50, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 24)
        self.rnn = nn.GRU(24, 24, batch_first=True)
        self.head = nn.Linear(24, 20)

    def forward(self, ids, labels):
        logits = self.head(self.rnn(self.embed(ids))[0])
        logits, labels = logits[:, :-1], labels[:, 1:]
        return F.cross_entropy(logits.reshape(-1, 20), labels.reshape(-1))


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for ids, target in train_loader:
        optimizer.zero_grad()
        loss = model(ids, target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
