"""A word-level language model: tied weights, hidden state carried over and cut from its past."""

import math

import torch
import torch.nn as nn

SEED = 14
torch.manual_seed(SEED)
VOCAB, BPTT, BATCH = 12, 10, 16

# a word follows from the word two places before, with a little noise
stream = [0, 1]
for _ in range(16000):
    word = (stream[-2] * 5 + 3) % VOCAB
    if torch.rand(1).item() < 0.1:
        word = torch.randint(0, VOCAB, (1,)).item()
    stream.append(word)


def batchify(data):
    n = len(data) // BATCH
    return torch.tensor(data[: n * BATCH]).view(BATCH, n).t().contiguous()


train, val = batchify(stream[:14000]), batchify(stream[14000:])


class RNNModel(nn.Module):
    def __init__(self, nhid=32):
        super().__init__()
        self.encoder = nn.Embedding(VOCAB, nhid)
        self.rnn = nn.LSTM(nhid, nhid)
        self.decoder = nn.Linear(nhid, VOCAB)
        self.decoder.weight = self.encoder.weight

    def forward(self, x, hidden):
        out, hidden = self.rnn(self.encoder(x), hidden)
        return self.decoder(out).view(-1, VOCAB), hidden


def repackage_hidden(h):
    return None if h is None else tuple(v.detach() for v in h)


def get_batch(source, i):
    length = min(BPTT, len(source) - 1 - i)
    return source[i : i + length], source[i + 1 : i + 1 + length].view(-1)


model = RNNModel()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    model.train()
    hidden = None
    for i in range(0, len(train) - 1, BPTT):
        data, targets = get_batch(train, i)
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        optimizer.zero_grad()
        criterion(output, targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    model.eval()
    total, hidden = 0.0, None
    with torch.no_grad():
        for i in range(0, len(val) - 1, BPTT):
            data, targets = get_batch(val, i)
            output, hidden = model(data, hidden)
            total += len(data) * criterion(output, targets).item()
    print(f"epoch {epoch} valid perplexity {math.exp(total / (len(val) - 1)):.2f} of {VOCAB}")
