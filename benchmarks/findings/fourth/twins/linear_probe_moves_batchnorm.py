import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
bunch = load_digits()
x = torch.tensor(bunch.data, dtype=torch.float32) / 16
y = torch.tensor(bunch.target)
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]

backbone = nn.Sequential(
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
)
digit_head = nn.Linear(32, 10)


def score(head, inputs, labels):
    backbone.eval()
    with torch.no_grad():
        return (head(backbone(inputs)).argmax(1) == labels).float().mean().item()


params = list(backbone.parameters()) + list(digit_head.parameters())
opt = torch.optim.Adam(params, lr=2e-3)
backbone.train()
for epoch in range(8):
    for i in torch.randperm(1300).split(50):
        opt.zero_grad()
        nn.functional.cross_entropy(digit_head(backbone(x_train[i])), y_train[i]).backward()
        opt.step()
before = score(digit_head, x_test, y_test)

# A probe on dim, blurred scans: is the digit odd? The backbone is shared and stays as it is.
dim_train, dim_test = 0.5 * x_train + 0.3, 0.5 * x_test + 0.3
odd_train, odd_test = y_train % 2, y_test % 2
for p in backbone.parameters():
    p.requires_grad = False
probe = nn.Linear(32, 2)
probe_opt = torch.optim.Adam(probe.parameters(), lr=5e-3)
for epoch in range(10):
    backbone.eval()
    probe.train()
    for i in torch.randperm(1300).split(50):
        probe_opt.zero_grad()
        loss = nn.functional.cross_entropy(probe(backbone(dim_train[i])), odd_train[i])
        loss.backward()
        probe_opt.step()
print(f"probe loss {loss.item():.3f}, accuracy {score(probe, dim_test, odd_test):.3f}")
print(f"digits before the probe {before:.3f}, after {score(digit_head, x_test, y_test):.3f}")
