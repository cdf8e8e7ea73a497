import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, lr):
        return self.body(lr) + F.interpolate(lr, scale_factor=2, mode="bilinear")


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32 * 16, 1),
        )

    def forward(self, x):
        return self.features(x)


def load_dataset():
    gt = torch.tensor(load_digits().images / 16, dtype=torch.float32).unsqueeze(1)
    train, test = gt[:1400], gt[1400:]
    return DataLoader(TensorDataset(train), batch_size=64, shuffle=True), test


def define_optimizer(g_model, d_model):
    g_optimizer = torch.optim.Adam(g_model.parameters(), lr=1e-3)
    d_optimizer = torch.optim.Adam(d_model.parameters(), lr=1e-3)
    return g_optimizer, d_optimizer


def train(g_model, d_model, loader, g_optimizer, d_optimizer):
    bce = F.binary_cross_entropy_with_logits
    for (gt,) in loader:
        lr = F.avg_pool2d(gt, 2)
        real_label, fake_label = torch.ones(len(gt), 1), torch.zeros(len(gt), 1)

        g_model.zero_grad()
        sr = g_model(lr)
        g_loss = F.l1_loss(sr, gt) + 0.01 * bce(d_model(sr), real_label)
        g_loss.backward()
        g_optimizer.step()

        d_model.zero_grad()
        d_loss = bce(d_model(gt), real_label) + bce(d_model(sr.detach()), fake_label)
        d_loss.backward()
        d_optimizer.step()
    return g_loss.item(), d_loss.item()


loader, test_gt = load_dataset()
g_model, d_model = Generator(), Discriminator()
g_optimizer, d_optimizer = define_optimizer(g_model, d_model)
for epoch in range(10):
    g_loss, d_loss = train(g_model, d_model, loader, g_optimizer, d_optimizer)
    with torch.no_grad():
        sr = g_model(F.avg_pool2d(test_gt, 2))
        psnr = -10 * torch.log10(F.mse_loss(sr, test_gt))
        told = ((d_model(test_gt) > 0).float().mean() + (d_model(sr) < 0).float().mean()) / 2
    print(f"{epoch} g {g_loss:.3f} d {d_loss:.3f} psnr {psnr:.2f} d told apart {told:.2f}")
