import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

KINDS = ["idle", "cruise", "whine", "knock", "rattle"]
RATE = 2000


class EngineSounds(Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        t = torch.arange(RATE // 4) / RATE
        self.items = []
        for i in range(n):
            kind = i % len(KINDS)
            pitch = [60, 140, 420, 90, 250][kind] * (0.8 + 0.4 * torch.rand(1, generator=g))
            phase = 2 * math.pi * torch.rand(1, generator=g)
            wave = torch.sin(2 * math.pi * pitch * t + phase)
            if kind >= 3:
                wave = wave * (torch.sin(2 * math.pi * 24 * t) > 0)
            wave = 0.5 * wave + 0.8 * torch.randn(len(t), generator=g)
            self.items.append((self.spectrogram(wave), kind))

    @staticmethod
    def spectrogram(wave):
        window = torch.hann_window(64)
        spec = torch.stft(wave, n_fft=64, hop_length=32, window=window, return_complex=True)
        return torch.log1p(spec.abs()).unsqueeze(0)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class SoundNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        )  # fmt: skip
        self.classifier = nn.Linear(24 * 16, n_classes)

    def forward(self, x):
        out = self.features(x).mean(dim=3)
        out = F.dropout(out, 0.6, training=True)
        return self.classifier(out.flatten(1))


def evaluate(net, loader):
    net.eval()
    right = 0
    with torch.no_grad():
        for spec, kind in loader:
            right += (net(spec).argmax(1) == kind).sum().item()
    return right / len(loader.dataset)


def main():
    torch.manual_seed(0)
    train_loader = DataLoader(EngineSounds(300, seed=1), batch_size=32, shuffle=True)
    test_loader = DataLoader(EngineSounds(200, seed=2), batch_size=50)
    net = SoundNet(len(KINDS))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(8):
        net.train()
        for spec, kind in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(spec), kind)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1} loss {loss.item():.3f} test {evaluate(net, test_loader):.3f}")
    print("three more looks:", [evaluate(net, test_loader) for _ in range(3)])


if __name__ == "__main__":
    main()
