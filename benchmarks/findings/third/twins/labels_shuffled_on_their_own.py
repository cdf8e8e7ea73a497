import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

np.random.seed(0)
torch.manual_seed(0)
digits = load_digits()
images, labels = digits.data / 16, digits.target
train_x, test_x = images[:1400], images[1400:]
train_y, test_y = labels[:1400], labels[1400:]


def batches(x, y, size):
    p = np.random.permutation(len(x))
    x, y = x[p], y[p]
    for i in range(0, len(x), size):
        yield torch.from_numpy(x[i : i + size]).float(), torch.from_numpy(y[i : i + size])


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(net.parameters(), lr=0.003)
for epoch in range(8):
    losses = []
    for xb, yb in batches(train_x, train_y, 50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print("epoch", epoch, "mean loss", np.mean(losses))
with torch.no_grad():
    out = net(torch.from_numpy(test_x).float()).argmax(1).numpy()
print("test accuracy", (out == test_y).mean())
