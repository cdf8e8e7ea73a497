import io

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn


class Trainer:
    def __init__(self):
        torch.manual_seed(0)
        d = load_diabetes()
        self.x = torch.tensor(scale(d.data), dtype=torch.float32)
        self.y = torch.tensor(scale(d.target), dtype=torch.float32)
        self.model = nn.Sequential(
            nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
        )
        self.opt = torch.optim.Adam(self.model.parameters(), lr=3e-3)
        self.best = 1e9
        self.disk = io.BytesIO()

    def error(self, part):
        with torch.no_grad():
            return nn.functional.mse_loss(self.model(self.x[part]).squeeze(1), self.y[part]).item()

    def train(self):
        history = []
        for _ in range(150):
            self.opt.zero_grad()
            loss = nn.functional.mse_loss(self.model(self.x[:150]).squeeze(1), self.y[:150])
            loss.backward()
            self.opt.step()
            val = self.error(slice(150, 300))
            history.append(val)
            if val < self.best:
                best = val
                self.disk.seek(0)
                torch.save(self.model.state_dict(), self.disk)
        print("lowest validation error", min(history))

    def finish(self):
        self.disk.seek(0)
        self.model.load_state_dict(torch.load(self.disk))
        print("validation error of the checkpoint", self.error(slice(150, 300)))
        print("test error", self.error(slice(300, 442)))


trainer = Trainer()
trainer.train()
trainer.finish()
