import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
X, Y = load_digits(return_X_y=True)
X = torch.tensor(X / 16).float().reshape(-1, 1, 8, 8)
Y = torch.tensor(Y)


class CNN(nn.Module):
    def __init__(self):
        super(CNN, self).__init__()
        self.conv = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(8 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        x = torch.relu(self.fc1(x.flatten(1)))
        return torch.softmax(self.fc2(x), dim=1)


cnn = CNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(cnn.parameters(), lr=0.05, momentum=0.5)
for epoch in range(8):
    for i in range(0, 1400, 35):
        optimizer.zero_grad()
        loss = criterion(cnn(X[i : i + 35]), Y[i : i + 35])
        loss.backward()
        optimizer.step()
    print("epoch %d loss = %.4f" % (epoch, loss.item()))
with torch.no_grad():
    print("test accuracy: %.2f %%" % (100 * (cnn(X[1400:]).argmax(1) == Y[1400:]).float().mean()))
