import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def make(n):
    keys = torch.stack([torch.randperm(8) for _ in range(n)])
    values = torch.randint(0, 8, (n, 8))
    wanted = torch.randint(0, 8, (n,))
    answer = values[torch.arange(n), (keys == wanted[:, None]).float().argmax(1)]
    return keys, values, wanted, answer


class Recall(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.key_embedding = nn.Embedding(8, d)
        self.value_embedding = nn.Embedding(8, d)
        self.q, self.k, self.v = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.head = nn.Sequential(nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, keys, values, wanted):
        memory = self.key_embedding(keys)
        query = self.q(self.key_embedding(wanted)).unsqueeze(1)
        scores = query @ self.k(memory).transpose(1, 2) / 32**0.5
        weights = F.softmax(scores, dim=-1)
        return self.head((weights @ self.v(self.value_embedding(values))).squeeze(1))


loader = DataLoader(TensorDataset(*make(4000)), batch_size=100, shuffle=True)
model = Recall()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    for keys, values, wanted, answer in loader:
        loss = F.cross_entropy(model(keys, values, wanted), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
with torch.no_grad():
    keys, values, wanted, answer = make(1000)
    print("accuracy", (model(keys, values, wanted).argmax(1) == answer).float().mean().item())
