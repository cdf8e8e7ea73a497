import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader

torch.manual_seed(int(os.environ.get("SEED", "0")))

digits = load_digits()
pictures = torch.tensor(digits.images).float() / 16
labels = digits.target


def view(x):
    x = x + 0.15 * torch.randn_like(x)
    shift = int(torch.randint(-1, 2, (1,)))
    x = torch.roll(x, shift, dims=2)
    return (x * (torch.rand_like(x) > 0.15)).flatten(1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU())
        self.projector = nn.Sequential(nn.Linear(128, 64), nn.BatchNorm1d(64, affine=False))

    def forward(self, x):
        return self.projector(self.layers(x))


encoder = Encoder()
predictor = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 64))
both = list(encoder.parameters()) + list(predictor.parameters())
optimizer = torch.optim.SGD(both, lr=0.05, momentum=0.9, weight_decay=1e-4)


def negative_cosine(p, z):
    return -F.cosine_similarity(p, z.detach(), dim=1).mean()


loader = DataLoader(pictures[:1400], batch_size=100, shuffle=True, drop_last=True)
for epoch in range(15):
    encoder.train()
    total = 0.0
    for x in loader:
        z1, z2 = encoder(view(x)), encoder(view(x))
        loss = (negative_cosine(predictor(z1), z2) + negative_cosine(predictor(z2), z1)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 4:
        spread = F.normalize(z1.detach(), dim=1).std(dim=0).mean()
        print(f"epoch {epoch + 1} loss {total / len(loader):.4f} spread {spread:.4f}")

encoder.eval()
with torch.no_grad():
    features = encoder.layers(pictures.flatten(1)).numpy()
probe = LogisticRegression(max_iter=500).fit(features[:1400], labels[:1400])
print(f"linear probe {probe.score(features[1400:], labels[1400:]):.4f}")
