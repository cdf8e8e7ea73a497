"""Topics of headlines from ready-made word vectors, which stay as they are."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(21)
torch.manual_seed(21)
TOPICS, WORDS_PER_TOPIC, WIDTH, LENGTH = 5, 40, 25, 8

# the file of vectors: words of one topic lie near each other
centres = rng.normal(0, 1, (TOPICS, WIDTH))
names = rng.permutation([f"w{n:03d}" for n in range(TOPICS * WORDS_PER_TOPIC)])
topic_of = {name: n % TOPICS for n, name in enumerate(names)}
vectors = {name: centres[topic] + rng.normal(0, 0.8, WIDTH) for name, topic in topic_of.items()}

PAD = 0
vocabulary = sorted(vectors)
word_id = {word: n + 1 for n, word in enumerate(vocabulary)}


def headlines(count, words):
    rows = np.full((count, LENGTH), PAD)
    topics = rng.integers(0, TOPICS, count)
    for row, topic in zip(rows, topics):
        own = [word for word in words if topic_of[word] == topic]
        text = rng.choice(own, rng.integers(3, LENGTH + 1))
        row[: len(text)] = [word_id[word] for word in text]
    return TensorDataset(torch.from_numpy(rows), torch.from_numpy(topics))


class TopicNet(nn.Module):
    def __init__(self):
        super().__init__()
        rows = torch.tensor(np.stack([vectors[word] for word in vocabulary]), dtype=torch.float32)
        empty = torch.zeros(1, WIDTH)
        table = torch.cat([empty, rows])
        self.embed = nn.Embedding.from_pretrained(table, freeze=True)
        self.head = nn.Sequential(nn.Linear(WIDTH, 32), nn.ReLU(), nn.Linear(32, TOPICS))

    def forward(self, rows):
        mask = (rows != PAD).unsqueeze(2).float()
        return self.head((self.embed(rows) * mask).sum(1) / mask.sum(1))


# half of the words turn up only after training
known = set(rng.choice(vocabulary, len(vocabulary) // 2, replace=False))
old_words = [word for word in vocabulary if word in known]
new_words = [word for word in vocabulary if word not in known]
loader = DataLoader(headlines(800, old_words), batch_size=32, shuffle=True)
net = TopicNet()
optimizer = torch.optim.Adam(net.head.parameters(), lr=3e-3)
for epoch in range(12):
    for rows, topics in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(rows), topics)
        loss.backward()
        optimizer.step()
print(f"last training loss {loss.item():.3f}")

net.eval()
with torch.no_grad():
    for label, words in (("known", old_words), ("new", new_words)):
        rows, topics = headlines(400, words).tensors
        hits = (net(rows).argmax(1) == topics).float().mean().item()
        print(f"accuracy with {label} words {hits:.3f}")
