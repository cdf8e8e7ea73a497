"""Tagging the words of short sentences: 0 other, 1 place, 2 person, 3 time."""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(1)
KINDS = {0: range(1, 41), 1: range(41, 51), 2: range(51, 61), 3: range(61, 71)}
SHARE = torch.tensor([0.64, 0.12, 0.12, 0.12])


def sentence():
    tags = torch.multinomial(SHARE, int(torch.randint(5, 13, (1,))), replacement=True)
    words = [KINDS[int(tag)][int(torch.randint(len(KINDS[int(tag)]), (1,)))] for tag in tags]
    # now and then a word is misspelt and stands for any other
    words = [int(torch.randint(1, 71, (1,))) if torch.rand(1) < 0.05 else word for word in words]
    return torch.tensor(words), tags


def collate(batch):
    words = pad_sequence([words for words, _ in batch], batch_first=True, padding_value=0)
    tags = pad_sequence([tags for _, tags in batch], batch_first=True, padding_value=0)
    return words, tags


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(71, 24, padding_idx=0)
        self.rnn = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, 4)

    def forward(self, words):
        return self.head(self.rnn(self.embed(words))[0])


train = [sentence() for _ in range(600)]
test = [sentence() for _ in range(200)]
loader = DataLoader(train, batch_size=30, shuffle=True, collate_fn=collate)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss(ignore_index=0)
for epoch in range(6):
    model.train()
    total = 0.0
    for words, tags in loader:
        optimizer.zero_grad()
        loss = criterion(model(words).flatten(0, 1), tags.flatten())
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.3f}")

model.eval()
right = count = 0
with torch.no_grad():
    for words, tags in test:
        guess = model(words.unsqueeze(0))[0].argmax(1)
        right += (guess == tags).sum().item()
        count += len(tags)
print(f"words tagged rightly: {right / count:.3f}")
