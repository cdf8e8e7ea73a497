"""Text classification where every label has a query of its own over the tokens."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
VOCAB, N_LABELS, MAX_LEN, PAD = 60, 4, 16, 0


def make_texts(n):
    labels = torch.randint(0, N_LABELS, (n,))
    tokens = torch.full((n, MAX_LEN), PAD)
    for i in range(n):
        length = torch.randint(4, MAX_LEN - 1, (1,)).item()
        words = torch.randint(1, 41, (length,))
        spots = torch.randperm(length)[:2]
        words[spots] = 41 + labels[i] * 4 + torch.randint(0, 4, (2,))
        tokens[i, :length] = words
    return tokens, labels


class LabelAttention(nn.Module):
    def __init__(self, dim, n_labels):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_labels, dim) * 0.1)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, x, padding_mask):
        batch = x.shape[0]
        q = self.queries.unsqueeze(0).expand(batch, -1, -1)
        attn_mask = padding_mask[:, None, :].expand(-1, q.shape[1], -1)
        return F.scaled_dot_product_attention(q, self.key(x), self.value(x), attn_mask=attn_mask)


class TextClassifier(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.attention = LabelAttention(dim, N_LABELS)
        self.head = nn.Linear(dim, 1)

    def forward(self, tokens):
        padding_mask = tokens == PAD
        per_label = self.attention(self.embedding(tokens), padding_mask)
        return self.head(per_label).squeeze(-1)


train_x, train_y = make_texts(2000)
val_x, val_y = make_texts(500)
model = TextClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(12):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_x[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        acc = (model(val_x).argmax(1) == val_y).float().mean()
    print(f"epoch {epoch}: train loss {total / len(train_x):.3f}, val accuracy {acc:.3f}")
