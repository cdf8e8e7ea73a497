"""Sentiment of word bags, with an adversarial step on the embedding of the words."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(27)
VOCAB, LENGTH = 300, 20
EPSILON = 0.8


def reviews(n):
    """Positive reviews use the first thirty words a little more often, negative ones the next thirty."""
    y = (torch.rand(n) < 0.5).float()
    words = torch.randint(0, VOCAB, (n, LENGTH))
    coloured = torch.rand(n, LENGTH) < 0.2
    offset = torch.where(y == 1, 0, 30).view(-1, 1)
    words = torch.where(coloured, torch.randint(0, 30, (n, LENGTH)) + offset, words)
    return words, y


class SentimentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 24)
        self.dense = nn.Linear(24, 16)
        self.out = nn.Linear(16, 1)

    def classify(self, embedded):
        return self.out(torch.relu(self.dense(embedded.mean(1)))).squeeze(1)

    def forward(self, words):
        return self.classify(self.embedding(words))


def classification_loss(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, labels)


def predictions(logits):
    return (logits > 0).float()


def adversarial_loss(model, words, labels):
    embedded = model.embedding(words)
    loss = classification_loss(model.classify(embedded), labels)
    (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
    norm = gradient.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-12
    return loss + classification_loss(model.classify(embedded + EPSILON * gradient / norm), labels)


x_train, y_train = reviews(600)
x_test, y_test = reviews(1000)
model = SentimentModel()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=0.001)

for epoch in range(12):
    model.train()
    for idx in torch.randperm(len(x_train)).split(40):
        optimizer.zero_grad()
        loss = adversarial_loss(model, x_train[idx], y_train[idx])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(x_test)
        accuracy = (predictions(logits) == y_test).float().mean().item()
    if epoch % 2:
        print(f"epoch {epoch + 1:2d} loss {loss.item():.3f} accuracy {accuracy:.3f}")
