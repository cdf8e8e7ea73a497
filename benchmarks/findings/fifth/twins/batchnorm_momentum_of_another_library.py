"""Age from features of the voice; the layers follow an older Keras model."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)


def speakers(count):
    voice = rng.lognormal(0.0, 0.9, (count, 16))
    age = 20 + 6 * np.log(voice[:, 0]) + 5 * np.log(voice[:, 1]) * (voice[:, 2] > 1)
    age += 4 * np.log(voice[:, 3]) + rng.normal(0, 1, count) + 20
    return torch.tensor(voice, dtype=torch.float32), torch.tensor(age, dtype=torch.float32)


def dense_block(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01), nn.ReLU()
    )


class VoiceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(dense_block(16, 48), dense_block(48, 48))
        self.age = nn.Linear(48, 1)

    def forward(self, voice):
        return self.age(self.blocks(voice)).squeeze(1)


x_train, y_train = speakers(1600)
x_test, y_test = speakers(400)
middle, spread = y_train.mean(), y_train.std()
net = VoiceNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    net.train()
    total = 0.0
    for part in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x_train[part]), (y_train[part] - middle) / spread)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    net.eval()
    with torch.no_grad():
        guess = net(x_test) * spread + middle
    years = (guess - y_test).abs().mean().item()
    print(f"epoch {epoch}: loss {total / len(x_train):.3f}, off by {years:.2f} years")
