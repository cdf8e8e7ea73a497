"""Fields of papers that cite one another; the field is known for one paper in ten."""

import torch
from torch import nn

torch.manual_seed(12)
PAPERS, FIELDS, WIDTH = 400, 4, 40

labels = torch.randint(0, FIELDS, (PAPERS,))
words = 0.35 * torch.randn(FIELDS, WIDTH)[labels] + torch.randn(PAPERS, WIDTH)
same = labels[:, None] == labels[None, :]
cited = torch.rand(PAPERS, PAPERS) < torch.where(same, 0.02, 0.006)
adjacency = (cited | cited.T).float()
adjacency.fill_diagonal_(1.0)
scale = adjacency.sum(1).rsqrt()
adjacency = scale[:, None] * adjacency * scale[None, :]

order = torch.randperm(PAPERS)
train_mask = torch.zeros(PAPERS, dtype=torch.bool)
train_mask[order[:60]] = True
test_mask = torch.zeros(PAPERS, dtype=torch.bool)
test_mask[order[150:]] = True


class GCN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.first = nn.Linear(WIDTH, hidden)
        self.second = nn.Linear(hidden, FIELDS)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x, a):
        hidden = self.dropout(torch.relu(a @ self.first(x)))
        return a @ self.second(hidden)


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(150):
    model.train()
    optimizer.zero_grad()
    logits = model(words, adjacency)
    loss = nn.functional.cross_entropy(logits[train_mask], labels[train_mask])
    loss.backward()
    optimizer.step()
    if epoch % 30 == 29:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    guess = model(words, adjacency).argmax(1)
print(f"test accuracy {(guess == labels)[test_mask].float().mean().item():.3f}")
