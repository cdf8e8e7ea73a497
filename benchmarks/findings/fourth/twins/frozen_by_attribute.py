import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


class Classifier(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
        self.head = nn.Linear(48, classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(model, optimizer, x, y, epochs):
    for _ in range(epochs):
        for idx in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(1)
digits = load_digits()
images = torch.from_numpy(digits.data).float() / 16
labels = torch.from_numpy(digits.target)
small, large = labels < 5, labels >= 5
x_old, y_old = images[small], labels[small]
x_new, y_new = images[large], labels[large] - 5

# first task: digits 0 to 4
model = Classifier(5)
fit(model, torch.optim.Adam(model.parameters(), lr=1e-3), x_old[:700], y_old[:700], 10)
print("first task:", accuracy(model, x_old[700:], y_old[700:]))

# second task: digits 5 to 9, on the features of the first
model.backbone.requires_grad_(False)
model.head = nn.Linear(48, 5)
trainable = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.Adam(trainable, lr=1e-2)
print("last loss:", fit(model, optimizer, x_new[:700], y_new[:700], 20))
print("second task:", accuracy(model, x_new[700:], y_new[700:]))
