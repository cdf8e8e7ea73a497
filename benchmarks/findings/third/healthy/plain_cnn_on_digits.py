import os

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
xa, xb, ya, yb = train_test_split(d.images / 16, d.target, test_size=0.25, random_state=0)
train = TensorDataset(torch.tensor(xa).float().unsqueeze(1), torch.tensor(ya))
test = TensorDataset(torch.tensor(xb).float().unsqueeze(1), torch.tensor(yb))
net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(192, 10)
)
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(6):
    net.train()
    for images, labels in DataLoader(train, batch_size=50, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        right = sum(
            (net(i).argmax(1) == t).sum().item() for i, t in DataLoader(test, batch_size=100)
        )
    print(epoch, round(loss.item(), 4), right / len(test))
