"""Text generation with an LSTM over words, after a well-known tutorial."""

import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

random.seed(3)
torch.manual_seed(3)

OPENINGS = ["why did", "how does", "when will"]
ANIMALS = ["cat", "dog", "duck", "cow"]
ENDS = {"why did": "because it could", "how does": "with great care", "when will": "never again"}


def write_jokes(n):
    lines = []
    for _ in range(n):
        opening, animal = random.choice(OPENINGS), random.choice(ANIMALS)
        lines.append(f"{opening} the {animal} sing {ENDS[opening]} said the {animal} .")
    return " ".join(lines).split()


class Jokes(Dataset):
    def __init__(self, words, vocab, sequence_length):
        self.index = [vocab[w] for w in words]
        self.sequence_length = sequence_length

    def __len__(self):
        return len(self.index) - self.sequence_length

    def __getitem__(self, i):
        end = i + self.sequence_length
        return torch.tensor(self.index[i:end]), torch.tensor(self.index[i + 1 : end + 1])


class Model(nn.Module):
    def __init__(self, n_vocab, lstm_size=32, num_layers=2):
        super().__init__()
        self.lstm_size, self.num_layers = lstm_size, num_layers
        self.embedding = nn.Embedding(n_vocab, lstm_size)
        self.lstm = nn.LSTM(lstm_size, lstm_size, num_layers)
        self.fc = nn.Linear(lstm_size, n_vocab)

    def forward(self, x):
        output, _ = self.lstm(self.embedding(x))
        return self.fc(output)


train_words, test_words = write_jokes(150), write_jokes(30)
vocab = {w: i for i, w in enumerate(sorted(set(train_words)))}
train = DataLoader(Jokes(train_words, vocab, 14), batch_size=64, shuffle=True)
test = Jokes(test_words, vocab, 14)

model = Model(len(vocab))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x).transpose(1, 2), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.3f}")

model.eval()
hits = 0
with torch.no_grad():
    for i in range(len(test)):
        x, y = test[i]
        hits += (model(x[None])[0, -1].argmax() == y[-1]).item()
print(f"next word right: {hits / len(test):.3f}")
