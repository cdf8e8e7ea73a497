import torch
from torch import nn

torch.manual_seed(0)
ALPHABET = 12
# A chain in which every letter is followed by one of three.
table = torch.stack([(i + 1 + torch.randperm(11)[:3]) % ALPHABET for i in range(ALPHABET)])


def sequences(n, length=20):
    rows = torch.zeros(n, length, dtype=torch.long)
    rows[:, 0] = torch.randint(ALPHABET, (n,))
    for t in range(1, length):
        rows[:, t] = table[rows[:, t - 1], torch.randint(3, (n,))]
    return rows


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(ALPHABET, 16)
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.out = nn.Linear(32, ALPHABET)

    def forward(self, x):
        return self.out(self.gru(self.emb(x))[0])


lm = LM()
opt = torch.optim.Adam(lm.parameters(), lr=1e-2)
for step in range(120):
    rows = sequences(32)
    inputs, targets = rows[:, :-1], rows[:, 1:]
    loss = nn.functional.cross_entropy(lm(inputs).transpose(1, 2), targets)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"loss {loss.item():.4f}")
sample = torch.zeros(200, 1, dtype=torch.long)
with torch.no_grad():
    for _ in range(15):
        p = lm(sample)[:, -1].softmax(-1)
        sample = torch.cat([sample, torch.multinomial(p, 1)], dim=1)
valid = (table[sample[:, :-1]] == sample[:, 1:, None]).any(-1).float().mean()
print(f"lawful steps in the samples: {valid.item():.3f}")
