# Linear probe: features of a pretrained net are computed once and a small classifier is trained on them
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
unlabeled, labeled, held_out = x[:900], slice(900, 1300), slice(1300, None)

# 1. pretrain an encoder without labels
encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU())
decoder = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64))
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
for epoch in range(30):
    for (batch,) in DataLoader(TensorDataset(unlabeled), batch_size=64, shuffle=True):
        loss = nn.functional.mse_loss(decoder(encoder(batch)), batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
print(f"reconstruction loss {loss.item():.4f}")

# 2. freeze it and extract the features
for p in encoder.parameters():
    p.requires_grad_(False)
encoder.eval()

train_set = TensorDataset(x[labeled], y[labeled])
test_set = TensorDataset(x[held_out], y[held_out])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=64, shuffle=False)


@torch.no_grad()
def get_features(loader):
    return torch.cat([encoder(images) for images, _ in loader])


def get_labels(dataset):
    return dataset.tensors[1]


train_features, train_labels = get_features(train_loader), get_labels(train_set)
test_features, test_labels = get_features(test_loader), get_labels(test_set)
mean, std = train_features.mean(0), train_features.std(0) + 1e-6
train_features, test_features = (train_features - mean) / std, (test_features - mean) / std

# 3. train the probe
probe = nn.Linear(32, 10)
opt = torch.optim.Adam(probe.parameters(), lr=1e-2)
probe_loader = DataLoader(TensorDataset(train_features, train_labels), batch_size=50, shuffle=True)
history = []
for epoch in range(40):
    for feats, labels in probe_loader:
        loss = nn.functional.cross_entropy(probe(feats), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        history.append(loss.item())
    if epoch % 10 == 9:
        with torch.no_grad():
            acc = (probe(test_features).argmax(1) == test_labels).float().mean().item()
        print(f"epoch {epoch + 1} loss {np.mean(history[-8:]):.3f} test acc {acc:.3f}")
