"""Inpainting of digits: a first training, then a fine-tuning with the batch norms frozen."""

import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--lr_finetune", type=float, default=2e-3)
parser.add_argument("--epochs", type=int, default=6)
args = parser.parse_args([])

torch.manual_seed(9)
images = torch.tensor(load_digits().images / 16, dtype=torch.float32).unsqueeze(1)
images = images[torch.randperm(len(images))]
train_set, val_set = images[:1400], images[1400:]


def random_mask(n):
    mask = torch.ones(n, 1, 8, 8)
    for i in range(n):
        r, c = torch.randint(0, 5, (2,)).tolist()
        mask[i, :, r : r + 3, c : c + 3] = 0
    return mask


class InpaintNet(nn.Module):
    def __init__(self, freeze_enc_bn=False):
        super().__init__()
        self.freeze_enc_bn = freeze_enc_bn
        self.enc = nn.Sequential(
            nn.Conv2d(2, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=2, dilation=2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
        self.dec = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 3, padding=1)
        )

    def forward(self, x, mask):
        return self.dec(self.enc(torch.cat([x * mask, mask], dim=1)))

    def train(self, mode=True):
        super().train(mode)
        if self.freeze_enc_bn:
            for module in self.enc:
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def hole_l1(out, gt, mask):
    return ((out - gt).abs() * (1 - mask)).sum() / (1 - mask).sum()


def run(model, finetune):
    model.freeze_enc_bn = finetune
    lr = args.lr_finetune if finetune else args.lr
    optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=lr)
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(train_set)).split(175):
            gt, mask = train_set[idx], random_mask(len(idx))
            out = model(gt, mask)
            loss = 6 * hole_l1(out, gt, mask) + hole_l1(out, gt, 1 - mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    torch.manual_seed(0)
    mask = random_mask(len(val_set))
    with torch.no_grad():
        val = hole_l1(model(val_set, mask), val_set, mask)
    print(f"{'fine-tuning' if finetune else 'training'} lr {lr}: val hole L1 {val:.4f}")


model = InpaintNet()
run(model, finetune=False)
run(model, finetune=True)
