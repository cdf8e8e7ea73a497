import random
from collections import Counter

import torch
import torch.nn as nn
import torch.optim as optim

random.seed(13)
torch.manual_seed(13)

TOPICS = {
    "sport": "match goal team coach season league player score win cup",
    "kitchen": "oven salt recipe butter taste dish sauce bake fresh spoon",
    "travel": "train hotel beach ticket city map flight guide island bag",
    "money": "bank price share market tax loan profit rate budget fund",
    "garden": "soil seed rose water leaf spring tree bloom rain spade",
    "space": "orbit rocket moon planet star launch probe light crew comet",
}
COMMON = "the new one we saw last year good day time people first big small".split()
NAMES = list(TOPICS)


def headline(topic):
    words = random.choices(TOPICS[topic].split(), k=random.randint(1, 3))
    words += random.choices(COMMON, k=random.randint(3, 6))
    if random.random() < 0.3:
        words.append(random.choice(TOPICS[random.choice(NAMES)].split()))
    random.shuffle(words)
    return " ".join(words)


def corpus(n):
    topics = random.choices(NAMES, weights=[8, 4, 3, 2, 2, 1], k=n)
    return [(headline(t), NAMES.index(t)) for t in topics]


train_data, test_data = corpus(1500), corpus(600)
counts = Counter(w for text, _ in train_data for w in text.split())
word_to_ix = {w: i for i, w in enumerate(counts)}


def to_bag(data):
    ids, offsets, labels = [], [], []
    for text, label in data:
        offsets.append(len(ids))
        ids += [word_to_ix[w] for w in text.split() if w in word_to_ix]
        labels.append(label)
    return torch.tensor(ids), torch.tensor(offsets), torch.tensor(labels)


class TopicNet(nn.Module):
    def __init__(self, vocab_size, n_topics):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, 32, mode="mean")
        self.hidden = nn.Linear(32, 32)
        self.out = nn.Linear(32, n_topics)

    def forward(self, ids, offsets):
        h = torch.tanh(self.hidden(self.embedding(ids, offsets)))
        return torch.log_softmax(self.out(h), dim=1)


model = TopicNet(len(word_to_ix), len(NAMES))
criterion = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)

for epoch in range(12):
    random.shuffle(train_data)
    total = 0.0
    for i in range(0, len(train_data), 50):
        ids, offsets, labels = to_bag(train_data[i : i + 50])
        optimizer.zero_grad()
        loss = criterion(model(ids, offsets), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / (len(train_data) / 50):.4f}")

with torch.no_grad():
    ids, offsets, labels = to_bag(test_data)
    guess = model(ids, offsets).argmax(1)
print(f"accuracy {(guess == labels).float().mean().item():.3f}")
for i, name in enumerate(NAMES):
    mine = labels == i
    print(f"  {name:8s} {(guess[mine] == i).float().mean().item():.3f} of {mine.sum().item()}")
