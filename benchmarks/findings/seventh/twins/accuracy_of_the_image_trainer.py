"""The image part of a teaching playground: the user picks layers, the trainer draws two curves."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(7)


def get_loaders(batch_size):
    digits = load_digits()
    data = TensorDataset(
        torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1),
        torch.tensor(digits.target),
    )
    train, test = random_split(data, [1400, 397])
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size)


def build(layers):
    return nn.Sequential(*layers)


def count_hits(outputs, labels):
    return (outputs.argmax(dim=1) == labels).sum().item()


def train_deep_image_classification(model, train_loader, test_loader, optimizer, criterion, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        train_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            train_loss += loss.item()

        model.eval()
        test_loss, correct = 0.0, 0
        with torch.no_grad():
            for inputs, labels in test_loader:
                outputs = model(inputs)
                test_loss += criterion(outputs, labels).item()
                correct += count_hits(outputs, labels)
        history.append(
            {
                "train_loss": train_loss / len(train_loader),
                "test_loss": test_loss / len(test_loader),
                "val_acc": correct / len(test_loader.dataset),
            }
        )
        print(epoch, {k: round(v, 3) for k, v in history[-1].items()})
    return history


train_loader, test_loader = get_loaders(batch_size=32)
model = build(
    [
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 16, 10),
    ]
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
history = train_deep_image_classification(
    model, train_loader, test_loader, optimizer, nn.CrossEntropyLoss(), epochs=6
)
print("final validation accuracy:", round(history[-1]["val_acc"], 3))
