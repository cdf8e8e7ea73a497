"""No modules and no optimizer: tensors, their gradients, and momentum."""

import os

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
x, y = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, stratify=y, random_state=SEED)
centre, scale = x_train.mean(0), x_train.std(0)
x_train, x_test = (
    torch.tensor((part - centre) / scale, dtype=torch.float32) for part in (x_train, x_test)
)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

w1 = (torch.randn(13, 20) / 13**0.5).requires_grad_()
b1 = torch.zeros(20, requires_grad=True)
w2 = (torch.randn(20, 3) / 20**0.5).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
weights = [w1, b1, w2, b2]
speeds = [torch.zeros_like(w) for w in weights]


def forward(features):
    return torch.relu(features @ w1 + b1) @ w2 + b2


def cross_entropy(scores, kinds):
    logs = scores - scores.logsumexp(dim=1, keepdim=True)
    return -logs[torch.arange(len(kinds)), kinds].mean()


for epoch in range(15):
    for rows in torch.randperm(len(x_train)).split(19):
        loss = cross_entropy(forward(x_train[rows]), y_train[rows])
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, speed, gradient in zip(weights, speeds, gradients):
                speed.mul_(0.9).add_(gradient)
                weight -= 0.05 * speed
    if epoch % 5 == 4:
        with torch.no_grad():
            right = (forward(x_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, accuracy {right:.3f}")
