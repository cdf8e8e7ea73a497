import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
VOCAB, LENGTH = 12, 16


def sequences(n):
    start = torch.randint(0, VOCAB, (n, 1))
    step = torch.randint(1, 4, (n, LENGTH))
    return torch.cat([start, (start + step.cumsum(1)) % VOCAB], dim=1)


class TinyGPT(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.token = nn.Embedding(VOCAB, d)
        self.position = nn.Embedding(LENGTH, d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(d, VOCAB)

    def forward(self, t):
        n = t.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n)
        x = self.token(t) + self.position(torch.arange(n))
        h = self.encoder(x)
        return self.head(h)


model = TinyGPT()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(300):
    batch = sequences(64)
    logits = model(batch[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, VOCAB), batch[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    text = sequences(200)[:, :4]
    for _ in range(8):
        text = torch.cat([text, model(text)[:, -1].softmax(-1).multinomial(1)], dim=1)
    jump = (text[:, 1:] - text[:, :-1]) % VOCAB
    print(
        "allowed steps in what it writes", ((jump >= 1) & (jump <= 3))[:, 3:].float().mean().item()
    )
