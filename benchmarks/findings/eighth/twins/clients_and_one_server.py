"""Federated averaging in one process: clients train on their own data, the server takes the mean."""

from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(42)
NUM_CLIENTS = 4


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


def load_datasets():
    digits = load_digits()
    everything = TensorDataset(
        torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    )
    trainset, testset = random_split(everything, [1600, 197])
    parts = random_split(trainset, [400] * NUM_CLIENTS)
    trainloaders = [DataLoader(part, batch_size=32, shuffle=True) for part in parts]
    return trainloaders, DataLoader(testset, batch_size=64)


trainloaders, testloader = load_datasets()


def train(net, trainloader, epochs):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.002, momentum=0.9)
    net.train()
    for _ in range(epochs):
        correct, total, epoch_loss = 0, 0, 0.0
        for images, labels in trainloader:
            optimizer.zero_grad()
            outputs = net(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
            total += labels.size(0)
            correct += (torch.max(outputs.data, 1)[1] == labels).sum().item()
        epoch_loss /= len(trainloader.dataset)
    return epoch_loss, correct / total


def test(net, loader):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    correct, total, loss = 0, 0, 0.0
    net.eval()
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)
            loss += criterion(outputs, labels).item()
            total += labels.size(0)
            correct += (torch.max(outputs, 1)[1] == labels).sum().item()
    return loss / len(loader.dataset), correct / total


def get_parameters(net):
    return [val.clone().numpy() for val in net.state_dict().values()]


def set_parameters(net, parameters):
    names = net.state_dict().keys()
    net.load_state_dict(OrderedDict((k, torch.tensor(v)) for k, v in zip(names, parameters)))


net = Net()
server = get_parameters(net)
for server_round in range(1, 9):
    received, losses, accuracies = [], [], []
    for trainloader in trainloaders:
        set_parameters(net, server)
        client_loss, client_accuracy = train(net, trainloader, epochs=1)
        received.append(get_parameters(net))
        losses.append(client_loss)
        accuracies.append(client_accuracy)
    server = [np.mean(layers, axis=0) for layers in zip(*received)]
    set_parameters(net, server)
    test_loss, test_accuracy = test(net, testloader)
    print(
        f"round {server_round} clients: loss {np.mean(losses):.3f} accuracy {np.mean(accuracies):.3f}"
        f" | server: loss {test_loss:.3f} accuracy {test_accuracy:.3f}"
    )
