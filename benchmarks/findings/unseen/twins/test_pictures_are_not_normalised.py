import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

torch.manual_seed(0)
digits = load_digits()
pixels = (96 + digits.images * 4).astype(np.uint8)
order = np.random.default_rng(0).permutation(len(pixels))
train_transform = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((0.45,), (0.09,))]
)
test_transform = train_transform


class Digits(Dataset):
    def __init__(self, indices, transform):
        self.indices, self.transform = indices, transform

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, i):
        index = self.indices[i]
        return self.transform(pixels[index]), int(digits.target[index])


train_set = Digits(order[:1400], train_transform)
test_set = Digits(order[1400:], test_transform)
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=100)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.BatchNorm2d(8),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(4):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = [(model(xb).argmax(1) == yb).float() for xb, yb in test_loader]
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {torch.cat(right).mean().item():.3f}")
