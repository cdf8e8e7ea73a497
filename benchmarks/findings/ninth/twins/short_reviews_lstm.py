import random

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

random.seed(11)
torch.manual_seed(11)

GOOD = "great lovely superb fun charming brilliant warm fresh".split()
BAD = "boring awful flat dull weak clumsy tired bland".split()
FILL = "the film a story was with and its cast very plot in music scene of this".split()
MAX_LEN = 48
PAD = 0


def review(label):
    words = [random.choice(FILL) for _ in range(random.randint(4, 14))]
    for _ in range(random.randint(1, 3)):
        words.insert(random.randrange(len(words)), random.choice(GOOD if label else BAD))
    return words


texts, labels = [], []
for _ in range(1200):
    y = random.randint(0, 1)
    texts.append(review(y))
    labels.append(y)

vocab = {w: i + 1 for i, w in enumerate(sorted({w for t in texts for w in t}))}


def encode(words):
    ids = [vocab[w] for w in words][:MAX_LEN]
    return ids + [PAD] * (MAX_LEN - len(ids))


x = torch.tensor([encode(t) for t in texts])
y = torch.tensor(labels, dtype=torch.float32)
train = DataLoader(TensorDataset(x[:900], y[:900]), batch_size=50, shuffle=True)
test = DataLoader(TensorDataset(x[900:], y[900:]), batch_size=100)


class ReviewLSTM(nn.Module):
    def __init__(self, vocab_size, emb_dim=24, hidden_dim=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.lstm = nn.LSTM(emb_dim, hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, 1)

    def forward(self, tokens):
        out, _ = self.lstm(self.embedding(tokens))
        last = out[torch.arange(len(out)), (tokens != PAD).sum(1) - 1]
        return self.fc(last).squeeze(1)


def accuracy(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for tokens, target in loader:
            right += ((model(tokens) > 0).float() == target).sum().item()
    return right / len(loader.dataset)


model = ReviewLSTM(len(vocab) + 1)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(5):
    model.train()
    losses = []
    for tokens, target in train:
        optimizer.zero_grad()
        loss = criterion(model(tokens), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f}")
print(f"accuracy on unseen reviews: {accuracy(model, test):.3f}")
