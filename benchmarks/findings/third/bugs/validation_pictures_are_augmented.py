import tempfile
from pathlib import Path

import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

torch.manual_seed(0)
digits = load_digits()
augment = transforms.Compose(
    [
        transforms.Grayscale(),
        transforms.RandomAffine(20, translate=(0.2, 0.2)),
        transforms.ToTensor(),
    ]
)
plain = transforms.Compose([transforms.Grayscale(), transforms.ToTensor()])
with tempfile.TemporaryDirectory() as root:
    for i in range(600):
        folder = Path(root) / str(digits.target[i])
        folder.mkdir(exist_ok=True)
        Image.fromarray((digits.images[i] * 15.9).astype("uint8")).save(folder / f"{i}.png")
    train_data = datasets.ImageFolder(root, transform=augment)
    indices = torch.randperm(600).tolist()
    train_loader = DataLoader(Subset(train_data, indices[:450]), batch_size=30, shuffle=True)
    valid_loader = DataLoader(Subset(train_data, indices[450:]), batch_size=50)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(12):
        for data, target in train_loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data), target).backward()
            optimizer.step()
    hits = 0
    with torch.no_grad():
        for data, target in valid_loader:
            hits += (model(data).argmax(1) == target).sum().item()
    print(f"validation accuracy {hits / 150:.3f}")
