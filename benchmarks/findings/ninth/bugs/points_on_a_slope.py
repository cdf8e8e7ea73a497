import torch
import torch.nn as nn


class Generator(nn.Module):
    def __init__(self, latent=4, hidden=32):
        super().__init__()
        self.latent = latent
        self.main = nn.Sequential(
            nn.Linear(latent, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 2)
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2), nn.Linear(hidden, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x).view(-1)


class GAN:
    def __init__(self, lr=2e-3):
        self.generator = Generator()
        self.discriminator = Discriminator()
        self.criterion = nn.BCELoss()
        self.optimizerD = torch.optim.Adam(
            self.discriminator.parameters(), lr=lr, betas=(0.5, 0.999)
        )
        self.optimizerG = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=(0.5, 0.999))

    def step(self, real):
        n = len(real)
        ones, zeros = torch.ones(n), torch.zeros(n)

        # discriminator: real points up, made ones down
        err_real = self.criterion(self.discriminator(real), ones)
        err_real.backward()
        fake = self.generator(torch.randn(n, self.generator.latent))
        err_fake = self.criterion(self.discriminator(fake.detach()), zeros)
        err_fake.backward()
        self.optimizerD.step()

        # generator: the discriminator should take its points for real
        self.generator.zero_grad()
        err_g = self.criterion(self.discriminator(fake), ones)
        err_g.backward()
        self.optimizerG.step()
        return (err_real + err_fake).item(), err_g.item()


def real_points(n):
    a = torch.randn(n)
    return torch.stack([2.0 + a, -1.0 + 0.8 * a + 0.3 * torch.randn(n)], dim=1)


torch.manual_seed(4)
gan = GAN()
for iteration in range(1, 1201):
    d_loss, g_loss = gan.step(real_points(64))
    if iteration % 200 == 0:
        print(f"[{iteration}] loss D {d_loss:.3f} loss G {g_loss:.3f}")

with torch.no_grad():
    made = gan.generator(torch.randn(2000, 4))
real = real_points(2000)
print("mean of real", real.mean(0).tolist(), "mean of made", made.mean(0).tolist())
print("covariance of real\n", torch.cov(real.T), "\ncovariance of made\n", torch.cov(made.T))
