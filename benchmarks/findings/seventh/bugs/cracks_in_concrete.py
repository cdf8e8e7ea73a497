"""A CNN with batch norm says whether a plate shows a crack."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)
SIDE = 20


def plates(n):
    images = 0.5 + 0.2 * torch.randn(n, 1, SIDE, SIDE)
    labels = (torch.arange(n) % 2).float()
    for i in range(n):
        if labels[i] == 1:
            col = torch.randint(4, SIDE - 4, (1,)).item()
            for row in range(SIDE):
                images[i, 0, row, col] -= 0.6
                col = min(max(col + torch.randint(-1, 2, (1,)).item(), 0), SIDE - 1)
    return TensorDataset(images, labels.unsqueeze(1))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv1_bn = nn.BatchNorm2d(16)
        self.cnn2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.conv2_bn = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16 * 5 * 5, 50)
        self.fc2 = nn.Linear(50, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1_bn(self.cnn1(x))), 2)
        x = F.max_pool2d(F.relu(self.conv2_bn(self.cnn2(x))), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


train_set, validation_set = plates(600), plates(200)
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
validation_loader = DataLoader(validation_set, batch_size=50)
N_test = len(validation_set)

model = CNN()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)


def train_model(n_epochs):
    for epoch in range(n_epochs):
        COST = 0
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            COST += loss.item()
        correct = 0
        model.eval()
        with torch.no_grad():
            for x_test, y_test in validation_loader:
                z = model(x_test)
                _, yhat = torch.max(z, 1, keepdim=True)
                correct += (yhat == y_test).sum().item()
        accuracy = correct / N_test
        print(f"Epoch {epoch + 1}: correct {correct} of {N_test}, loss {COST:.3f}, acc {accuracy}")


train_model(6)
