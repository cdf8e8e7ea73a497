import torch
from torch import nn

PAD, CLS, LETTERS, LENGTH = 0, 1, 4, 14


def make(n, seed):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.full((n, LENGTH), PAD)
    tokens[:, 0] = CLS
    labels = torch.zeros(n, dtype=torch.long)
    for row in range(n):
        size = int(torch.randint(3, LENGTH - 2, (1,), generator=g)) | 1
        word = torch.randint(2, 2 + LETTERS, (size,), generator=g)
        tokens[row, 1 : size + 1] = word
        labels[row] = int((word < 4).sum() * 2 > size)
    return tokens, labels


class Reader(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(2 + LETTERS, dim, padding_idx=PAD)
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, tokens):
        mask = tokens == PAD
        x = self.embed(tokens)
        attended, _ = self.attention(x, x, x, key_padding_mask=mask, need_weights=False)
        return self.mlp(self.norm(x + attended)[:, 0])


torch.manual_seed(0)
x_train, y_train = make(1500, 1)
x_test, y_test = make(400, 2)
model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    for idx in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
model.eval()
with torch.no_grad():
    hits = (model(x_test).argmax(1) == y_test).float().mean()
print(f"majority vote of the letters, accuracy {hits:.3f}")
