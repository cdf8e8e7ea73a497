"""Which mails want their money back? A bag of word vectors, padded to one length."""

from collections import Counter

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(8)
torch.manual_seed(8)
CHATTER = [f"word{n}" for n in range(60)]
LONGEST = 14


def mail():
    words = list(rng.choice(CHATTER, rng.integers(5, LONGEST - 2)))
    wants = rng.random() < 0.5
    if wants:
        words.append("refund" if rng.random() < 0.75 else "chargeback")
    rng.shuffle(words)
    return words, int(wants)


def encode(mails, index):
    rows = torch.zeros(len(mails), LONGEST, dtype=torch.long)
    for row, (words, _) in zip(rows, mails):
        row[: len(words)] = torch.tensor([index[word] for word in words])
    return TensorDataset(rows, torch.tensor([float(wants) for _, wants in mails]))


class MailNet(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embed = nn.Embedding(size, 16, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, rows):
        present = (rows != 0).unsqueeze(2)
        pooled = (self.embed(rows) * present).sum(1) / present.sum(1).clamp(min=1)
        return self.head(pooled).squeeze(1)


train_mails = [mail() for _ in range(1200)]
test_mails = [mail() for _ in range(400)]
counts = Counter(word for words, _ in train_mails for word in words)
index = {word: n for n, (word, _) in enumerate(counts.most_common(), start=1)}
model = MailNet(len(index) + 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loader = DataLoader(encode(train_mails, index), batch_size=40, shuffle=True)
for epoch in range(12):
    total = 0.0
    for rows, wants in loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(rows), wants)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

model.eval()
rows, wants = encode(test_mails, index).tensors
with torch.no_grad():
    right = ((model(rows) > 0) == (wants > 0.5)).float().mean().item()
print(f"test accuracy {right:.3f}")
