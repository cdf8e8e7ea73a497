"""Masked language modelling: only the hidden words count in the loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 15
torch.manual_seed(SEED)
WORDS, MASK, LEN = 20, 20, 12


def sentences(n):
    start = torch.randint(0, WORDS, (n, 1))
    stride = torch.randint(1, 4, (n, 1))
    return (start + stride * torch.arange(LEN)) % WORDS


def mask_tokens(inputs, probability=0.2):
    labels = inputs.clone()
    chosen = torch.rand(inputs.shape) < probability
    labels[~chosen] = -100
    inputs = inputs.clone()
    dice = torch.rand(inputs.shape)
    inputs[chosen & (dice < 0.8)] = MASK
    # a tenth of the chosen words is swapped, a tenth stays as it is
    swap = chosen & (dice >= 0.8) & (dice < 0.9)
    inputs[swap] = torch.randint(0, WORDS, (int(swap.sum()),))
    return inputs, labels


class TinyBert(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.words = nn.Embedding(WORDS + 1, dim)
        self.places = nn.Parameter(0.02 * torch.randn(LEN, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 96, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, WORDS)

    def forward(self, tokens):
        return self.head(self.encoder(self.words(tokens) + self.places))


model = TinyBert()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
train, test = sentences(2000), sentences(400)
for epoch in range(8):
    model.train()
    for idx in torch.randperm(len(train)).split(50):
        inputs, labels = mask_tokens(train[idx])
        loss = F.cross_entropy(model(inputs).transpose(1, 2), labels, ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        inputs, labels = mask_tokens(test)
        guess = model(inputs).argmax(-1)
    asked = labels != -100
    hits = (guess[asked] == labels[asked]).float().mean()
    print(f"epoch {epoch} loss {loss.item():.3f} hidden words guessed {hits:.3f}")
