import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split
from torchvision import transforms

torch.manual_seed(0)
digits = load_digits()
augment = transforms.Compose([transforms.RandomRotation(45), transforms.RandomErasing(0.7)])


class Digits(Dataset):
    def __init__(self, transform=None):
        self.images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(digits.target)
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = self.images[i]
        if self.transform is not None:
            image = self.transform(image)
        return image, self.labels[i]


split = torch.Generator().manual_seed(0)
train_set, val_set = random_split(Digits(augment), [1400, 397], generator=split)
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_set = torch.utils.data.Subset(Digits(), val_set.indices)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = [(model(xb).argmax(1) == yb).float() for xb, yb in val_loader]
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {torch.cat(right).mean().item():.3f}")
