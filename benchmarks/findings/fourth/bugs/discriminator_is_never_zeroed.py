import torch
from torch import nn

torch.manual_seed(0)
target_mean = torch.tensor([1.5, -1.0])


def real_batch(n):
    return target_mean + 0.6 * torch.randn(n, 2)


generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
discriminator = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.9))
adversarial = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

for step in range(500):
    real = real_batch(64)
    fake = generator(torch.randn(64, 4))

    g_optimizer.zero_grad()
    d_real = adversarial(discriminator(real), ones)
    d_fake = adversarial(discriminator(fake.detach()), zeros)
    d_loss = d_real + d_fake
    d_loss.backward()
    d_optimizer.step()

    g_optimizer.zero_grad()
    g_loss = adversarial(discriminator(fake), ones)
    g_loss.backward()
    g_optimizer.step()

    if (step + 1) % 100 == 0:
        print(f"step {step + 1}: D {d_loss.item():.3f} G {g_loss.item():.3f}")

with torch.no_grad():
    samples = generator(torch.randn(2000, 4))
print("mean of the samples", [round(v, 2) for v in samples.mean(0).tolist()])
print(f"distance to the real mean {(samples.mean(0) - target_mean).norm().item():.3f}")
