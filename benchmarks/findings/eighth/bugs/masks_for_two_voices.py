"""Separation of two voices in a spectrogram: convolutions over time and frequency, a GRU over time."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
TIME, FREQ = 24, 16


def voices(n):
    """Each voice has a pitch that glides over time, with an overtone."""
    bins = torch.arange(FREQ).view(1, 1, FREQ)
    t = torch.arange(TIME).view(1, TIME, 1) / TIME
    spectra = []
    for low in (2.0, 7.0):
        pitch = low + 3 * torch.rand(n, 1, 1) + 2 * torch.sin(6.3 * (t + torch.rand(n, 1, 1)))
        on = (torch.sin(12.6 * (t + torch.rand(n, 1, 1))) > -0.3).float()
        shape = torch.exp(-((bins - pitch) ** 2)) + 0.5 * torch.exp(-((bins - 1.5 * pitch) ** 2))
        spectra.append(on * shape)
    clean = torch.stack(spectra, dim=1)
    mixture = clean.sum(1, keepdim=True) + 0.05 * torch.rand(n, 1, TIME, FREQ)
    return mixture, clean


class Separator(nn.Module):
    def __init__(self, channels=8):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.rnn = nn.GRU(channels * FREQ, 64, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(128, 2 * FREQ)

    def forward(self, x):
        batch_size, _, height, _ = x.shape
        out = F.relu(self.conv1(x))
        out = F.relu(self.norm(self.conv2(out)))
        out = out.view(batch_size, height, -1)
        out, _ = self.rnn(out)
        mask = torch.sigmoid(self.fc(out))
        mask = mask.view(batch_size, height, 2, FREQ).transpose(1, 2)
        return mask * x


class Trainer:
    def __init__(self, model, lr=2e-3):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def step(self, mixture, clean):
        self.model.train()
        self.optimizer.zero_grad()
        loss = F.mse_loss(self.model(mixture), clean)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def sdr(self, mixture, clean):
        self.model.eval()
        error = ((self.model(mixture) - clean) ** 2).sum((1, 2, 3))
        return (10 * torch.log10((clean**2).sum((1, 2, 3)) / error)).mean().item()


if __name__ == "__main__":
    mixture, clean = voices(400)
    held_out = voices(100)
    trainer = Trainer(Separator())
    for epoch in range(12):
        losses = [trainer.step(mixture[i], clean[i]) for i in torch.randperm(400).split(20)]
        print(
            f"epoch {epoch:2d} loss {sum(losses) / len(losses):.4f} SDR {trainer.sdr(*held_out):.2f} dB"
        )
