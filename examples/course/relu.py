import sys

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

dataset = datasets.ImageFolder(sys.argv[1] + "/train", transform=transforms.ToTensor())
dataloader = DataLoader(dataset, batch_size=64, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2)
        self.relu1 = nn.ReLU()
        self.linear1 = nn.Linear(16 * 15 * 15, 10)

    def forward(self, x):
        x = self.conv1(x)
        self.relu1(x)
        x = torch.flatten(x, 1)
        return self.linear1(x)


net = Net()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    running_loss = 0.0
    for imgs, targets in dataloader:
        loss = loss_fn(net(imgs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(running_loss)
