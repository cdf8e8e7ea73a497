"""An LSTM on sequences of different lengths, packed; the batches are formed of similar lengths."""

import os
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)


class Brackets(Dataset):
    """Is the first bracket of the sequence the same kind as the last? (fillers in between)"""

    def __init__(self, n):
        self.items = []
        for _ in range(n):
            length = random.randint(4, 18)
            tokens = [random.randint(5, 9) for _ in range(length)]
            tokens[0], tokens[-1] = random.randint(1, 2), random.randint(1, 2)
            self.items.append((torch.tensor(tokens), int(tokens[0] == tokens[-1])))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class SimilarLengths(Sampler):
    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size = dataset, batch_size

    def __iter__(self):
        order = sorted(
            range(len(self.dataset)), key=lambda i: len(self.dataset[i][0]) + 2 * random.random()
        )
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        random.shuffle(batches)
        return iter(batches)

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)


def collate(items):
    tokens, targets = zip(*items)
    lengths = torch.tensor([len(t) for t in tokens])
    return pad_sequence(tokens, batch_first=True), lengths, torch.tensor(targets)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.out = nn.Linear(32, 2)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(
            self.embed(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        return self.out(hidden[-1])


train_set, val_set = Brackets(2000), Brackets(500)
train_loader = DataLoader(
    train_set, batch_sampler=SimilarLengths(train_set, 50), collate_fn=collate
)
val_loader = DataLoader(val_set, batch_size=100, collate_fn=collate)
model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(14):
    model.train()
    total = 0.0
    for tokens, lengths, targets in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens, lengths), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(targets)
    model.eval()
    with torch.no_grad():
        right = sum((model(t, n).argmax(1) == y).sum().item() for t, n, y in val_loader)
    if epoch % 2:
        print(
            f"epoch {epoch + 1:2d} loss {total / len(train_set):.3f} val accuracy {right / len(val_set):.3f}"
        )
