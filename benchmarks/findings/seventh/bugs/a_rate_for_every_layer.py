"""Fine-tuning with a smaller rate for lower layers and gradual unfreezing from the top."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(4)
VOCAB, LEN, DIM, CLASSES = 50, 12, 32, 5


def make_texts(n):
    labels = torch.randint(0, CLASSES, (n,))
    tokens = torch.randint(0, 30, (n, LEN))
    for i in range(n):
        spots = torch.randperm(LEN)[:2]
        tokens[i, spots] = 30 + labels[i] * 4 + torch.randint(0, 4, (2,))
    return tokens, labels


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(VOCAB, DIM)
        self.layer = nn.ModuleList(
            [
                nn.TransformerEncoderLayer(DIM, 4, 64, dropout=0.0, batch_first=True)
                for _ in range(3)
            ]
        )

    def forward(self, tokens):
        x = self.embeddings(tokens)
        for layer in self.layer:
            x = layer(x)
        return x.mean(dim=1)


class SequenceClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = Encoder()
        self.classifier = nn.Sequential(nn.Linear(DIM, DIM), nn.Tanh(), nn.Linear(DIM, CLASSES))

    def forward(self, tokens):
        return self.classifier(self.base(tokens))


def get_layer_params(model, base_lr, layerwise_gradient_decay):
    params = []
    rate = base_lr
    for layer in reversed(model.base.layer):
        params.append({"params": layer.parameters(), "lr": rate})
        rate *= layerwise_gradient_decay
    params.append({"params": model.base.embeddings.parameters(), "lr": rate})
    return params


train_x, train_y = make_texts(800)
test_x, test_y = make_texts(400)
model = SequenceClassifier()
optimizer = torch.optim.AdamW(get_layer_params(model, 1e-3, 0.7))

for epoch in range(4):
    model.train()
    for idx in torch.randperm(len(train_x)).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_x[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(test_x)
    acc = (out.argmax(1) == test_y).float().mean()
    print(f"epoch {epoch} test loss {F.cross_entropy(out, test_y):.3f} accuracy {acc:.3f}")
