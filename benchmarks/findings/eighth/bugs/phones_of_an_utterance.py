"""Frame-wise phone recognition with a GRU; large batches are put together from small ones."""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
N_PHONES, N_MEL, N_FRAMES = 8, 20, 30


class Args:
    batch_size = 8
    accum_grad_n_steps = 8
    lr = 1.5
    n_epochs = 8
    clip_grad_norm = 50.0


def synthesize(n):
    prototypes = torch.randn(N_PHONES, N_MEL, generator=torch.Generator().manual_seed(99))
    phones = torch.randint(0, N_PHONES, (n, N_FRAMES // 3)).repeat_interleave(3, dim=1)
    voice = 0.3 * torch.randn(n, 1, N_MEL)
    return prototypes[phones] + voice + 1.5 * torch.randn(n, N_FRAMES, N_MEL), phones


class Recognizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(N_MEL, 32, batch_first=True, bidirectional=True)
        self.out = nn.Linear(64, N_PHONES)

    def forward(self, xs):
        return self.out(self.rnn(xs)[0])


class Trainer:
    def __init__(self, args):
        self.args = args
        self.model = Recognizer()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=args.lr, momentum=0.9)
        self.criterion = nn.CrossEntropyLoss()

    def loss(self, xs, ys):
        return self.criterion(self.model(xs).flatten(0, 1), ys.flatten())

    def train_epoch(self, loader):
        self.model.train()
        self.optimizer.zero_grad()
        accum, losses = 0, []
        for xs, ys in loader:
            loss = self.loss(xs, ys)
            loss.backward()
            losses.append(loss.item())
            accum += 1
            if accum >= self.args.accum_grad_n_steps:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.args.clip_grad_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
                accum = 0
        return np.mean(losses)

    @torch.no_grad()
    def evaluate(self, xs, ys):
        self.model.eval()
        return (self.model(xs).argmax(-1) != ys).float().mean().item()


args = Args()
train_loader = DataLoader(
    TensorDataset(*synthesize(512)), batch_size=args.batch_size, shuffle=True, drop_last=True
)
dev = synthesize(200)
trainer = Trainer(args)
for epoch in range(1, args.n_epochs + 1):
    train_loss = trainer.train_epoch(train_loader)
    print(
        f"EP{epoch:02d} train loss {train_loss:.3f} frame error (dev) {trainer.evaluate(*dev):.3f}"
    )
