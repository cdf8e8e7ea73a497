"""Stage one: an autoencoder. Stage two: its encoder, frozen, serves a classifier."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(6)
digits = load_digits()
X = torch.tensor(digits.data / 8 - 1, dtype=torch.float32)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
X_train, X_test, y_train, y_test = X[:1300], X[1300:], y[:1300], y[1300:]


class Encoder(nn.Module):
    def __init__(self, code=16, act=torch.relu):
        super().__init__()
        self.act = act
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 32)
        self.code = nn.Linear(32, code)

    def forward(self, x):
        return self.code(self.act(self.fc2(self.act(self.fc1(x)))))


class Decoder(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(code, 48), nn.Tanh(), nn.Linear(48, 64))

    def forward(self, z):
        return self.net(z)


def batches(n, size=50):
    return torch.randperm(n).split(size)


# stage one
encoder, decoder = Encoder(act=torch.tanh), Decoder()
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
for epoch in range(25):
    for idx in batches(len(X_train)):
        loss = F.mse_loss(decoder(encoder(X_train[idx])), X_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print(f"stage one, test error {F.mse_loss(decoder(encoder(X_test)), X_test):.4f}")
pretrained = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}

# stage two
features, repair = Encoder(act=torch.tanh), Decoder()
features.load_state_dict(pretrained["encoder"])
repair.load_state_dict(pretrained["decoder"])
features.requires_grad_(False)
classifier = nn.Linear(16, 10)
optimizer = torch.optim.Adam([*classifier.parameters(), *repair.parameters()], lr=3e-3)
for epoch in range(15):
    for idx in batches(len(X_train)):
        z = features(X_train[idx])
        loss = F.cross_entropy(classifier(z), y_train[idx]) + F.mse_loss(repair(z), X_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    z = features(X_test)
    print(f"stage two, test error {F.mse_loss(repair(z), X_test):.4f}")
    print(f"stage two, accuracy {(classifier(z).argmax(1) == y_test).float().mean():.3f}")
