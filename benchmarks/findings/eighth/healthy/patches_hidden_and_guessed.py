"""A masked autoencoder: patches are hidden, the loss counts them only; afterwards few labels suffice."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", "0")))


def to_patches(images):
    """(n, 8, 8) to sixteen patches of 2x2."""
    return images.unfold(1, 2, 2).unfold(2, 2, 2).reshape(len(images), 16, 4)


class MaskedAutoencoder(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed = nn.Linear(4, d)
        self.place = nn.Parameter(0.02 * torch.randn(16, d))
        self.hidden_token = nn.Parameter(torch.zeros(d))
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, batch_first=True),
            num_layers=2,
            enable_nested_tensor=False,
        )
        self.decode = nn.Linear(d, 4)

    def encode(self, patches, hidden=None):
        tokens = self.embed(patches)
        if hidden is not None:
            tokens = torch.where(hidden.unsqueeze(-1), self.hidden_token, tokens)
        return self.encoder(tokens + self.place)

    def forward(self, patches, hidden):
        return self.decode(self.encode(patches, hidden))


digits = load_digits()
patches = to_patches(torch.tensor(digits.images / 16, dtype=torch.float32))
labels = torch.tensor(digits.target)
order = torch.randperm(len(labels))
pretrain, few, test = order[:1200], order[1200:1350], order[1350:]

mae = MaskedAutoencoder()
optimizer = torch.optim.AdamW(mae.parameters(), lr=2e-3)
for epoch in range(25):
    for idx in pretrain[torch.randperm(len(pretrain))].split(100):
        hidden = torch.rand(len(idx), 16) < 0.5
        guess = mae(patches[idx], hidden)
        loss = ((guess - patches[idx]) ** 2).mean(-1)[hidden].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d} loss on hidden patches {loss.item():.4f}")

# the decoder is not needed any more
classifier = nn.Linear(32, 10)
parameters = [
    p for name, p in mae.named_parameters() if not name.startswith(("decode", "hidden_token"))
]
optimizer = torch.optim.AdamW(
    [
        {"params": parameters, "lr": 2e-3},
        {"params": classifier.parameters(), "lr": 1e-2},
    ]
)
for epoch in range(40):
    for idx in few[torch.randperm(len(few))].split(50):
        loss = nn.functional.cross_entropy(
            classifier(mae.encode(patches[idx]).mean(1)), labels[idx]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    guess = classifier(mae.encode(patches[test]).mean(1)).argmax(1)
print(f"accuracy with 150 labels {(guess == labels[test]).float().mean():.3f}")
