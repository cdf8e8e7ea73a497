import sys

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

dataset = datasets.ImageFolder(sys.argv[1] + "/train", transform=transforms.ToTensor())
dataloader = DataLoader(dataset, batch_size=64, shuffle=True, drop_last=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2)
        self.linear1 = nn.Linear(6 * 15 * 15, 32)
        self.linear2 = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = x.permute(1, 2, 3, 0)
        x = torch.reshape(x, (64, -1))
        return self.linear2(torch.relu(self.linear1(x)))


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
