import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

normalize = transforms.Normalize(mean=[0.305], std=[0.376])
train_transform = transforms.Compose([transforms.ToTensor(), normalize])
test_transform = transforms.Compose([transforms.ToTensor()])


class Digits(Dataset):
    def __init__(self, first, last, transform):
        bunch = load_digits()
        self.pictures = (bunch.images[first:last] * 15.9).astype("uint8")
        self.targets = bunch.target[first:last]
        self.transform = transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.transform(self.pictures[index]), int(self.targets[index])


def train(model, loader, optimizer):
    model.train()
    summed = 0.0
    for pictures, targets in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(pictures), targets)
        loss.backward()
        optimizer.step()
        summed += loss.item() * len(targets)
    return summed / len(loader.dataset)


def test(model, loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(p).argmax(1) == t).sum().item() for p, t in loader)
    return right / len(loader.dataset)


torch.manual_seed(0)
train_loader = DataLoader(Digits(0, 1200, train_transform), batch_size=40, shuffle=True)
test_loader = DataLoader(Digits(1200, 1797, test_transform), batch_size=200)
model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(12 * 16, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(5):
    print(f"epoch {epoch} loss {train(model, train_loader, optimizer):.4f}")
print(f"test accuracy {test(model, test_loader):.4f}")
