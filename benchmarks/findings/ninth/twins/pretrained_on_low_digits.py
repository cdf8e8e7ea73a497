import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(8)


class SmallResNet(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv3 = nn.Conv2d(16, 32, 3, padding=1, stride=2)
        self.bn3 = nn.BatchNorm2d(32)
        self.fc = nn.Linear(32 * 16, num_classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(x + self.bn2(self.conv2(x)))
        x = torch.relu(self.bn3(self.conv3(x)))
        return self.fc(x.flatten(1))


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, correct = 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in loader:
            outputs = model(images)
            loss = criterion(outputs, labels)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(labels)
            correct += (outputs.argmax(1) == labels).sum().item()
    return total / len(loader.dataset), correct / len(loader.dataset)


digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
low, high = labels < 5, labels >= 5
criterion = nn.CrossEntropyLoss()

# the big set: zero to four
model = SmallResNet(num_classes=5)
source = DataLoader(TensorDataset(images[low], labels[low]), batch_size=64, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    loss, acc = run_epoch(model, source, criterion, optimizer)
print(f"pretraining: loss {loss:.3f}, accuracy {acc:.3f}")

# our own set: five to nine
target = TensorDataset(images[high], labels[high] - 5)
train_set, val_set = random_split(target, [300, len(target) - 300])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=128)

model.fc = nn.Linear(model.fc.in_features, 5)
for name, param in model.named_parameters():
    if "bn" not in name and "fc" not in name:
        param.requires_grad = False
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)

for epoch in range(8):
    train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
    val_loss, val_acc = run_epoch(model, val_loader, criterion)
    print(
        f"epoch {epoch}: train loss {train_loss:.3f} acc {train_acc:.3f}, "
        f"val loss {val_loss:.3f} acc {val_acc:.3f}"
    )
