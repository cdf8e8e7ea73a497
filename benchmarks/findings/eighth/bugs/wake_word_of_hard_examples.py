"""A wake word detector: easy negatives are left out of a batch, small rests are collected to 128."""

import torch
from torch import nn

torch.manual_seed(6)


def clips(n, share=0.3):
    """16 frames of 8 features; the wake word is a rising ridge somewhere in the clip."""
    x = torch.randn(n, 16, 8)
    y = (torch.rand(n) < share).float()
    start = torch.randint(0, 8, (n,))
    for i in torch.nonzero(y).flatten().tolist():
        for k in range(8):
            x[i, int(start[i]) + k, k] += 1.6
    return x.flatten(1), y


class WakeWordModel:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(128, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 1))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.2)
        self.history = []

    def train_model(self, X, max_steps):
        accumulated_samples = 0
        for step_ndx, (x, y) in zip(range(max_steps), X):
            self.optimizer.zero_grad()
            predictions = self.net(x).squeeze(1)

            # keep what is still difficult
            with torch.no_grad():
                p = predictions.sigmoid()
                keep = ((y == 0) & (p > 0.05)) | ((y == 1) & (p < 0.95))
            if keep.sum() == 0:
                continue
            loss = nn.functional.binary_cross_entropy_with_logits(
                predictions[keep], y[keep], reduction="sum"
            )
            (loss / 128).backward()
            accumulated_samples += int(keep.sum())

            if accumulated_samples >= 128:
                self.optimizer.step()
                accumulated_samples = 0
            self.history.append(loss.item() / int(keep.sum()))

    @torch.no_grad()
    def recall_and_false_alarms(self, x, y):
        fired = self.net(x).squeeze(1) > 0
        return fired[y == 1].float().mean().item(), fired[y == 0].float().mean().item()


def batches(size=16):
    while True:
        yield clips(size)


model = WakeWordModel()
validation = clips(2000)
for stage in range(5):
    model.train_model(batches(), max_steps=500)
    recall, alarms = model.recall_and_false_alarms(*validation)
    recent = sum(model.history[-50:]) / 50
    print(
        f"{(stage + 1) * 500} steps loss {recent:.3f} recall {recall:.3f} false alarms {alarms:.3f}"
    )
