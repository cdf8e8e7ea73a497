"""A small convolutional net that takes the grain out of digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(19)
GRAIN = 0.35

images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
images = images[torch.randperm(len(images))]
train, test = images[:1400], images[1400:]


def grainy(clean):
    return clean + GRAIN * torch.randn_like(clean)


class Cleaner(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, picture):
        return self.layers(picture)


model = Cleaner()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loader = DataLoader(train, batch_size=50, shuffle=True)
for epoch in range(10):
    model.train()
    running = 0.0
    for clean in loader:
        noisy = grainy(clean)
        optimizer.zero_grad()
        output = model(noisy)
        loss = nn.functional.mse_loss(output, noisy)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch}: loss {running / len(loader):.4f}")

model.eval()
with torch.no_grad():
    noisy = grainy(test)
    before = nn.functional.mse_loss(noisy, test).item()
    after = nn.functional.mse_loss(model(noisy), test).item()
print(f"distance to the clean test pictures: {before:.4f} before, {after:.4f} after")
