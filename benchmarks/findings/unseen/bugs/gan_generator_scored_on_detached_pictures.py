import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
centre = torch.tensor([2.0, -1.0])
netG = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
netD = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optG = torch.optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.999))
optD = torch.optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.999))
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

for step in range(600):
    real = centre + 0.3 * torch.randn(64, 2)
    fake = netG(torch.randn(64, 4))

    optD.zero_grad()
    loss_d = F.binary_cross_entropy_with_logits(netD(real), ones)
    loss_d = loss_d + F.binary_cross_entropy_with_logits(netD(fake.detach()), zeros)
    loss_d.backward()
    optD.step()

    optG.zero_grad()
    score = netD(fake.detach())
    loss_g = F.binary_cross_entropy_with_logits(score, ones)
    loss_g.backward()
    optG.step()
    if step % 100 == 0:
        print(f"step {step}: D {loss_d.item():.3f}, G {loss_g.item():.3f}")

with torch.no_grad():
    made = netG(torch.randn(1000, 4))
print("distance of the means", (made.mean(0) - centre).norm().item())
