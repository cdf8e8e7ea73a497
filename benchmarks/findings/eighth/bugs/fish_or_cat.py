"""Chapter 2: is it a fish or a cat? The training loop of the book."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)


def pictures(n, size=12):
    """Fish are wide, cats have two ears; one in five is a fish."""
    is_cat = (torch.rand(n) < 0.8).long()
    img = 0.5 * torch.randn(n, 3, size, size)
    for i in range(n):
        r, c = torch.randint(3, size - 5, (2,)).tolist()
        if is_cat[i]:
            img[i, :, r - 2, [c, c + 3]] += 1.2
            img[i, :, r : r + 3, c : c + 4] += 0.5
        else:
            img[i, :, r : r + 2, c - 2 : c + 5] += 0.6
    return img, is_cat


class SimpleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(432, 84)
        self.fc2 = nn.Linear(84, 50)
        self.fc3 = nn.Linear(50, 2)

    def forward(self, x):
        x = x.view(-1, 432)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def train(model, optimizer, loss_fn, train_loader, val_loader, epochs=20):
    for epoch in range(1, epochs + 1):
        training_loss = 0.0
        valid_loss = 0.0
        model.train()
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            output = model(inputs)
            loss = loss_fn(output, targets)
            loss.backward()
            optimizer.step()
            training_loss += loss.item() * inputs.size(0)
        training_loss /= len(train_loader.dataset)

        model.eval()
        num_correct = 0
        num_examples = 0
        with torch.no_grad():
            for inputs, targets in val_loader:
                output = model(inputs)
                valid_loss += loss_fn(output, targets).item() * inputs.size(0)
                correct = torch.eq(torch.max(F.softmax(output, dim=0), dim=1)[1], targets)
                num_correct += torch.sum(correct).item()
                num_examples += correct.shape[0]
        valid_loss /= len(val_loader.dataset)
        if epoch % 4 == 0:
            print(
                f"Epoch: {epoch}, Training Loss: {training_loss:.2f}, "
                f"Validation Loss: {valid_loss:.2f}, accuracy = {num_correct / num_examples:.2f}"
            )


train_loader = DataLoader(TensorDataset(*pictures(1500)), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(*pictures(500)), batch_size=64)
simplenet = SimpleNet()
optimizer = optim.Adam(simplenet.parameters(), lr=0.0005)
train(simplenet, optimizer, torch.nn.CrossEntropyLoss(), train_loader, val_loader)
