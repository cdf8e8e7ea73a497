# ruff: noqa
# A classic of the courses: a small convolutional network on small pictures, trained in one file.
import tempfile

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    def __init__(self, train, size):
        self.train = train
        made = torch.Generator().manual_seed(int(train))
        self.targets = torch.randint(0, 10, (size,), generator=made)
        self.data = torch.randn(size, 3, 32, 32, generator=made)
        self.data += self.targets[:, None, None, None] / 5

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.data[index], int(self.targets[index])


train_data = Pictures(train=True, size=200)
test_data = Pictures(train=False, size=100)
train_data_size = len(train_data)
test_data_size = len(test_data)
train_dataloader = DataLoader(train_data, batch_size=40)  # <- D106
test_dataloader = DataLoader(test_data, batch_size=40, drop_last=True)  # <- E102


class Tudui(nn.Module):
    def __init__(self):
        super(Tudui, self).__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, 8, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 5, 1, 2),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 4 * 4, 32),
            nn.Linear(32, 10),  # <- M109
        )

    def forward(self, x):
        return self.model(x)


tudui = Tudui()
loss_fn = nn.CrossEntropyLoss()
learning_rate = 1e-2
optimizer = torch.optim.SGD(tudui.parameters(), lr=learning_rate)

total_train_step = 0
total_test_step = 0
epoch = 3

for i in range(epoch):
    print("-------round {}-------".format(i + 1))
    tudui.train()
    for data in train_dataloader:
        imgs, targets = data
        outputs = tudui(imgs)
        loss = loss_fn(outputs, targets)

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        total_train_step = total_train_step + 1
        if total_train_step % 2 == 0:
            print("step {}, Loss: {}".format(total_train_step, loss.item()))

    tudui.eval()
    total_test_loss = 0
    total_accuracy = 0
    with torch.no_grad():
        for data in test_dataloader:
            imgs, targets = data
            outputs = tudui(imgs)
            loss = loss_fn(outputs, targets)
            total_test_loss = total_test_loss + loss.item()
            accuracy = (outputs.argmax(1) == targets).sum()
            total_accuracy = total_accuracy + accuracy

    print("Loss on the test set: {}".format(total_test_loss))
    print("Accuracy on the test set: {}".format(total_accuracy / train_data_size))  # <- E101
    total_test_step = total_test_step + 1

    with tempfile.TemporaryFile() as file:
        torch.save(tudui, file)  # <- A104
