import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
images = torch.tensor(load_digits().images / 8 - 1, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True, drop_last=True)

generator = nn.Sequential(
    nn.Linear(16, 32 * 4),
    nn.ReLU(),
    nn.Unflatten(1, (32, 2, 2)),
    nn.ConvTranspose2d(32, 16, 4, 2, 1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1),
    nn.Tanh(),
)
discriminator = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(16, 32, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(32 * 4, 1),
)
g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.9))
criterion = nn.BCEWithLogitsLoss()
real_label, fake_label = torch.ones(64, 1), torch.zeros(64, 1)

for epoch in range(4):
    for (real,) in loader:
        fake = generator(torch.randn(64, 16))
        g_loss = criterion(discriminator(fake), real_label)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()

        d_loss = criterion(discriminator(real), real_label)
        d_loss = d_loss + criterion(discriminator(fake.detach()), fake_label)
        discriminator.zero_grad()
        d_loss.backward()
        d_optimizer.step()
    print(f"epoch {epoch}: D {d_loss.item():.3f}, G {g_loss.item():.3f}")

with torch.no_grad():
    made = generator(torch.randn(500, 16))
print("distance of the mean pictures", (made.mean(0) - images.mean(0)).abs().mean().item())
