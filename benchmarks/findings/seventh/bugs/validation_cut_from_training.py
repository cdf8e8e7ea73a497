"""A small dense net on digits; the validation part is cut out of the training set."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

torch.manual_seed(43)


class Digits(Dataset):
    def __init__(self, train, transform):
        data = load_digits()
        part = slice(0, 1400) if train else slice(1400, None)
        self.images = torch.tensor(data.images[part] / 16, dtype=torch.float32).unsqueeze(1)
        self.targets = torch.tensor(data.target[part])
        self.transform = transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.targets[i]


class DenseNet(nn.Module):
    def __init__(self, growth=12, layers=3):
        super().__init__()
        self.stem = nn.Conv2d(1, growth, 3, padding=1)
        self.block = nn.ModuleList(
            [nn.Conv2d(growth * (i + 1), growth, 3, padding=1) for i in range(layers)]
        )
        self.classifier = nn.Linear(growth * (layers + 1) * 16, 10)

    def forward(self, x):
        features = self.stem(x)
        for conv in self.block:
            features = torch.cat([features, conv(F.relu(features))], dim=1)
        return self.classifier(F.avg_pool2d(F.relu(features), 2).flatten(1))


normalise = transforms.Normalize([0.305], [0.376])
train_transforms = transforms.Compose(
    [
        transforms.RandomCrop(8, padding=1),
        transforms.RandomRotation(15),
        transforms.RandomErasing(p=0.3),
        normalise,
    ]
)
test_transforms = transforms.Compose([normalise])

train_set = Digits(train=True, transform=train_transforms)
test_set = Digits(train=False, transform=test_transforms)
valid_size = 300
indices = torch.randperm(len(train_set)).tolist()
valid_set = Subset(train_set, indices[-valid_size:])
train_set = Subset(train_set, indices[:-valid_size])

train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=100)
test_loader = DataLoader(test_set, batch_size=100)


@torch.no_grad()
def test_epoch(model, loader):
    model.eval()
    wrong = sum((model(x).argmax(1) != y).sum().item() for x, y in loader)
    return wrong / len(loader.dataset)


model = DenseNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
for epoch in range(8):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.3f} valid error {test_epoch(model, valid_loader):.3f}")
print(f"test error {test_epoch(model, test_loader):.3f}")
