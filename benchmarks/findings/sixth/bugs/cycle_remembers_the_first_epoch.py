"""Few digits, shifted and blurred with noise at random; trained by steps, not by epochs."""

import itertools

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
STEPS = 900


def jitter(image):
    canvas = torch.zeros(12, 12)
    row, col = torch.randint(0, 5, (2,)).tolist()
    canvas[row : row + 8, col : col + 8] = image
    return canvas + 0.15 * torch.randn(12, 12)


class FewDigits(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return jitter(self.images[i]).unsqueeze(0), self.labels[i]


images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).reshape(-1, 8, 8) / 16
labels = torch.tensor(labels)
order = torch.randperm(len(labels))
few, rest = order[:200], order[200:]
loader = DataLoader(FewDigits(images[few], labels[few]), batch_size=25, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 36, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
stream = itertools.cycle(loader)
for step in range(1, STEPS + 1):
    x, y = next(stream)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    if step % 150 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

net.eval()
with torch.no_grad():
    shifted = torch.stack([jitter(image) for image in images[rest]]).unsqueeze(1)
    accuracy = (net(shifted).argmax(1) == labels[rest]).float().mean().item()
print(f"accuracy on shifted digits never seen: {accuracy:.3f}")
