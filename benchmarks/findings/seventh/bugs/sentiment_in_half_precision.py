"""A text classifier trained with autocast, loss scaling and clipped gradients."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(21)
VOCAB, LEN = 200, 20


def make_reviews(n):
    label = torch.randint(0, 2, (n,))
    tokens = torch.randint(20, VOCAB, (n, LEN))
    for i in range(n):
        spots = torch.randperm(LEN)[:3]
        tokens[i, spots] = torch.randint(0, 10, (3,)) + 10 * label[i]
    return tokens, label


class Classifier(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim)
        self.encoder = nn.Sequential(nn.Linear(dim, 64), nn.ReLU())
        self.head = nn.Linear(64, 2)

    def forward(self, tokens):
        return self.head(self.encoder(self.embedding(tokens)).amax(dim=1))


class GradientDescentTrainer:
    def __init__(self, model, optimizer, grad_norm=1.0, use_amp=True):
        self.model, self.optimizer, self.grad_norm = model, optimizer, grad_norm
        self.use_amp = use_amp
        self.scaler = torch.amp.GradScaler("cpu", enabled=use_amp)

    def clip_gradient(self):
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_norm)

    def train_epoch(self, tokens, labels, batch_size=50):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(tokens)).split(batch_size):
            self.optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.use_amp):
                loss = F.cross_entropy(self.model(tokens[idx]), labels[idx])
            self.scaler.scale(loss).backward()
            self.clip_gradient()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            total += loss.item() * len(idx)
        return total / len(tokens)

    @torch.no_grad()
    def evaluate(self, tokens, labels):
        self.model.eval()
        return (self.model(tokens).argmax(1) == labels).float().mean().item()


train, dev = make_reviews(2000), make_reviews(500)
model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
trainer = GradientDescentTrainer(model, optimizer)
for epoch in range(8):
    loss = trainer.train_epoch(*train)
    print(f"epoch {epoch} loss {loss:.4f} dev accuracy {trainer.evaluate(*dev):.3f}")
