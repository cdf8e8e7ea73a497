import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)

backbone = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
head = nn.Linear(64, 10)
model = nn.Sequential(backbone, head)
groups = [{"params": list(backbone.parameters())}, {"params": list(head.parameters())}]


def fit(optimizer, epochs):
    for _ in range(epochs):
        for part in torch.randperm(1300).split(50):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[part]), y[part])
            loss.backward()
            optimizer.step()
    return loss.item()


print("warm-up loss", fit(torch.optim.SGD(groups, lr=1e-4), 2))
main = torch.optim.SGD(groups, lr=0.2)
print("main loss", fit(main, 10))
with torch.no_grad():
    print("test accuracy", (model(x[1300:]).argmax(1) == y[1300:]).float().mean().item())
