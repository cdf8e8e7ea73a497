"""Is a payment fraud? The kind of shop is a category and gets an embedding."""

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import LabelEncoder

rng = np.random.default_rng(41)
torch.manual_seed(41)

SHOPS = np.array(
    [
        "antiques",
        "bakery",
        "books",
        "cinema",
        "clothes",
        "drugstore",
        "electronics",
        "flowers",
        "fuel",
        "games",
        "grocery",
        "hotel",
        "jewellery",
        "kiosk",
        "music",
        "optician",
        "shoes",
        "travel",
    ]
)
RISK = dict(zip(SHOPS, rng.uniform(-2.5, 2.5, len(SHOPS))))


def transactions(n, shops):
    category = rng.choice(shops, n)
    amount = rng.lognormal(3, 1, n)
    night = rng.random(n) < 0.2
    score = np.array([RISK[c] for c in category]) + 0.4 * (np.log(amount) - 3) + 0.8 * night
    fraud = rng.random(n) < 1 / (1 + np.exp(-score))
    return category, np.stack([np.log(amount) - 3, night], axis=1), fraud.astype(np.float32)


class FraudNet(nn.Module):
    def __init__(self, n_shops):
        super().__init__()
        self.embed = nn.Embedding(n_shops, 6)
        self.mlp = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, shop, numbers):
        return self.mlp(torch.cat([self.embed(shop), numbers], dim=1)).squeeze(1)


# training on a year, test on a month in which some kinds of shop do not occur
train_shop, train_numbers, train_fraud = transactions(3000, SHOPS)
test_shop, test_numbers, test_fraud = transactions(800, np.delete(SHOPS, [1, 5, 9]))

encoder = LabelEncoder()
train_shop = torch.tensor(encoder.fit_transform(train_shop))
n_shops = len(encoder.classes_)
test_shop = torch.tensor(encoder.transform(test_shop))
train_numbers, test_numbers = (
    torch.tensor(train_numbers).float(),
    torch.tensor(test_numbers).float(),
)
train_fraud = torch.tensor(train_fraud)

model = FraudNet(n_shops)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    total = 0.0
    for idx in torch.randperm(len(train_fraud)).split(64):
        logits = model(train_shop[idx], train_numbers[idx])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, train_fraud[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 3 == 2:
        with torch.no_grad():
            train_auc = roc_auc_score(train_fraud, model(train_shop, train_numbers))
            test_auc = roc_auc_score(test_fraud, model(test_shop, test_numbers))
        print(
            f"epoch {epoch + 1:2d} loss {total / 3000:.3f} auc train {train_auc:.3f} test {test_auc:.3f}"
        )
