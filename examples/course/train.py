import sys

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from torchvision import datasets, transforms

torch.manual_seed(0)
root = sys.argv[1]
train_data = datasets.ImageFolder(root + "/train", transform=transforms.ToTensor())
test_data = datasets.ImageFolder(root + "/test", transform=transforms.ToTensor())
train_data_size = len(train_data)
test_data_size = len(test_data)
print("length of the training set: {}".format(train_data_size))
print("length of the test set: {}".format(test_data_size))

train_dataloader = DataLoader(train_data, batch_size=64)
test_dataloader = DataLoader(test_data, batch_size=64, drop_last=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, 32, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, 64),
            nn.Linear(64, 10),
        )

    def forward(self, x):
        return self.model(x)


net = Net()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
writer = SummaryWriter("course-logs")
total_train_step = 0

for i in range(3):
    print("------- epoch {} -------".format(i + 1))
    net.train()
    for data in train_dataloader:
        imgs, targets = data
        outputs = net(imgs)
        loss = loss_fn(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_train_step = total_train_step + 1
        if total_train_step % 10 == 0:
            writer.add_scalar("train_loss", loss.item(), total_train_step)

    net.eval()
    total_test_loss = 0
    total_accuracy = 0
    with torch.no_grad():
        for data in test_dataloader:
            imgs, targets = data
            outputs = net(imgs)
            loss = loss_fn(outputs, targets)
            total_test_loss = total_test_loss + loss.item()
            accuracy = (outputs.argmax(1) == targets).sum()
            total_accuracy = total_accuracy + accuracy
    print("loss on the test set: {}".format(total_test_loss))
    print("accuracy on the test set: {}".format(total_accuracy / train_data_size))
    torch.save(net, "net_{}.pth".format(i))

writer.close()
