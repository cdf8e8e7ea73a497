# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

from pathlib import Path
from tempfile import mkdtemp


class Trainer:
    def __init__(self, checkpoint=None):
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        if checkpoint is not None:
            kept = torch.load(checkpoint)  # <- A105
            self.model.load_state_dict(kept["weights"])

    def run(self, epochs):
        for _ in range(epochs):
            for x, y in train_loader:
                self.optimizer.zero_grad()
                F.cross_entropy(self.model(x), y).backward()
                self.optimizer.step()

    def save(self, path):
        state = {"weights": self.model.state_dict(), "adamw": self.optimizer.state_dict()}
        torch.save(state, path)


path = Path(mkdtemp()) / "last.pt"
first = Trainer()
first.run(2)
first.save(path)
Trainer(path).run(2)
