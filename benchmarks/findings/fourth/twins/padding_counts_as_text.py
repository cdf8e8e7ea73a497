import torch
from torch import nn

PAD, BOS, EOS = 0, 1, 2
VOCAB, LENGTH = 13, 24


def sentences(n, seed):
    """Numbers that go on by two, by three or by five, modulo ten."""
    g = torch.Generator().manual_seed(seed)
    rows = torch.full((n, LENGTH), PAD)
    for i in range(n):
        size = int(torch.randint(4, 12, (1,), generator=g))
        now = int(torch.randint(0, 10, (1,), generator=g))
        row = [BOS]
        for _ in range(size):
            row.append(3 + now)
            now = (now + (2, 3, 5)[int(torch.randint(0, 3, (1,), generator=g))]) % 10
        row.append(EOS)
        rows[i, : len(row)] = torch.tensor(row)
    return rows


class LanguageModel(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.Linear(dim, VOCAB)

    def forward(self, tokens):
        return self.decoder(self.gru(self.embedding(tokens))[0])


def loss_function(logits, targets):
    return nn.functional.cross_entropy(
        logits.reshape(-1, VOCAB), targets.reshape(-1), ignore_index=PAD
    )


torch.manual_seed(0)
train, valid = sentences(600, 1), sentences(150, 2)
model = LanguageModel()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(6):
    model.train()
    for idx in torch.randperm(len(train)).split(30):
        batch = train[idx]
        loss = loss_function(model(batch[:, :-1]), batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = loss_function(model(valid[:, :-1]), valid[:, 1:])
    print(f"epoch {epoch}: loss {loss.item():.3f}, perplexity {held_out.exp().item():.2f}")
