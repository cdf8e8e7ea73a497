import random

import torch
from torch import nn, optim
from torch.nn import functional as F

PAD, SOS, EOS = 0, 1, 2
LETTERS = "abcdefgh"
IDS = {c: i + 3 for i, c in enumerate(LETTERS)}
VOCAB = len(LETTERS) + 3

random.seed(2)
torch.manual_seed(2)


def pad(rows):
    longest = max(len(r) for r in rows)
    return torch.tensor([r + [PAD] * (longest - len(r)) for r in rows])


def make_pairs(n):
    pairs = []
    for _ in range(n):
        word = [IDS[random.choice(LETTERS)] for _ in range(random.randint(3, 6))]
        pairs.append((word + [EOS], [SOS] + word[::-1] + [EOS]))
    return pairs


class Encoder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, hidden, padding_idx=PAD)
        self.gru = nn.GRU(hidden, hidden // 2, batch_first=True, bidirectional=True)

    def forward(self, src):
        return self.gru(self.embedding(src))[0]


class AttnDecoder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, hidden, padding_idx=PAD)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden)
        self.out = nn.Linear(2 * hidden, VOCAB)

    def forward(self, tokens, memory, src, state):
        out, state = self.gru(self.embedding(tokens), state)
        scores = self.query(out) @ memory.transpose(1, 2)
        scores = scores.masked_fill((src == PAD).unsqueeze(1), float("-inf"))
        context = F.softmax(scores, dim=-1) @ memory
        return self.out(torch.cat([out, context], dim=-1)), state


def first_state(memory):
    return memory.mean(dim=1).unsqueeze(0)


@torch.no_grad()
def translate(encoder, decoder, src, steps=8):
    memory = encoder(src)
    state = first_state(memory)
    token = torch.full((len(src), 1), SOS)
    result = []
    for _ in range(steps):
        logits, state = decoder(token, memory, src, state)
        token = logits.argmax(-1)
        result.append(token)
    return torch.cat(result, dim=1)


train_pairs, test_pairs = make_pairs(2000), make_pairs(200)
encoder, decoder = Encoder(64), AttnDecoder(64)
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = optim.Adam(params, lr=4e-3)
criterion = nn.CrossEntropyLoss(ignore_index=PAD)

for epoch in range(8):
    random.shuffle(train_pairs)
    total = 0.0
    for i in range(0, len(train_pairs), 50):
        batch = train_pairs[i : i + 50]
        src, trg = pad([s for s, _ in batch]), pad([t for _, t in batch])
        memory = encoder(src)
        logits, _ = decoder(trg[:, :-1], memory, src, first_state(memory))
        loss = criterion(logits.reshape(-1, VOCAB), trg[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1} loss {total / (len(train_pairs) / 50):.4f}")

right = 0
found = translate(encoder, decoder, pad([s for s, _ in test_pairs]))
for row, (_, target) in zip(found.tolist(), test_pairs):
    row = row[: row.index(EOS)] if EOS in row else row
    right += row == target[1:-1]
print(f"words turned around exactly: {right} of {len(test_pairs)}")
