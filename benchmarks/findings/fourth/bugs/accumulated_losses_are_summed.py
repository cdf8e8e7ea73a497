from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    lr: float = 0.25
    momentum: float = 0.0
    micro_batch: int = 8
    accumulation_steps: int = 8
    epochs: int = 10


class Trainer:
    def __init__(self, model, config):
        self.model = model
        self.config = config
        self.optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
        self.loss_fn = nn.CrossEntropyLoss()

    def run_epoch(self, loader):
        self.model.train()
        total = 0.0
        self.optimizer.zero_grad()
        for step, (inputs, labels) in enumerate(loader, start=1):
            loss = self.loss_fn(self.model(inputs), labels)
            total += loss.item()
            loss.backward()
            if step % self.config.accumulation_steps == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()
        return total / len(loader)

    @torch.no_grad()
    def evaluate(self, inputs, labels):
        self.model.eval()
        return (self.model(inputs).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(7)
    cfg = Config()
    data = load_digits()
    images = torch.tensor(data.images / 16, dtype=torch.float32)
    targets = torch.tensor(data.target)
    train = TensorDataset(images[:1408], targets[:1408])
    loader = DataLoader(train, batch_size=cfg.micro_batch, shuffle=True)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 10))
    trainer = Trainer(net, cfg)
    for epoch in range(cfg.epochs):
        print(epoch, round(trainer.run_epoch(loader), 4))
    print("accuracy", trainer.evaluate(images[1408:], targets[1408:]))
