# ruff: noqa
# A trainer that owns the loop and calls hooks of the user's module.
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class LitModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.cross_entropy(self(x), y)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        return F.cross_entropy(self(x), y), (self(x).argmax(1) == y).float().mean()

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)


class Trainer:
    def __init__(self, max_epochs):
        self.max_epochs = max_epochs

    def fit(self, module, train_dataloaders, val_dataloaders):
        optimizer, schedule = module.configure_optimizers()
        module.eval()
        with torch.no_grad():  # a sanity check before training
            for i, batch in enumerate(val_dataloaders):
                module.validation_step(batch, i)
                if i == 1:
                    break
        module.train()
        for epoch in range(self.max_epochs):
            iterator = iter(train_dataloaders)
            index = 0
            while True:
                try:
                    batch = next(iterator)
                except StopIteration:
                    break

                def closure():
                    optimizer.zero_grad()
                    loss = module.training_step(batch, index)
                    loss.backward()
                    return loss

                optimizer.step(closure)
                index += 1
            schedule.step()
            module.eval()
            with torch.inference_mode():
                for i, batch in enumerate(val_dataloaders):
                    module.validation_step(batch, i)
            module.train()


x = torch.randn(200, 8)
y = x[:, :3].argmax(1)
train = DataLoader(TensorDataset(x[:150], y[:150]), batch_size=16, shuffle=True)
val = DataLoader(TensorDataset(x[150:], y[150:]), batch_size=16)
Trainer(max_epochs=3).fit(LitModule(), train, val)
