"""Ill or healthy, from short recordings; every patient was recorded a dozen times."""

import numpy as np
import torch
from sklearn.model_selection import GroupShuffleSplit
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(1)
PATIENTS, RECORDINGS, CHANNELS = 60, 12, 24

ill = rng.integers(0, 2, PATIENTS)
own_way = rng.normal(0, 1.0, (PATIENTS, CHANNELS))
own_way[:, 0] += 1.2 * ill
patient = np.repeat(np.arange(PATIENTS), RECORDINGS)
signals = own_way[patient] + rng.normal(0, 0.5, (len(patient), CHANNELS))
labels = ill[patient]

splitter = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=0)
train, test = next(splitter.split(signals, labels, groups=patient))
mean, std = signals[train].mean(0), signals[train].std(0)
signals = torch.tensor((signals - mean) / std, dtype=torch.float32)
labels = torch.tensor(labels)

net = nn.Sequential(
    nn.Linear(CHANNELS, 48),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(48, 48),
    nn.ReLU(),
    nn.Linear(48, 2),
)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
criterion = nn.CrossEntropyLoss()
train = torch.from_numpy(train)
for epoch in range(20):
    net.train()
    for part in torch.randperm(len(train)).split(32):
        rows = train[part]
        optimizer.zero_grad()
        loss = criterion(net(signals[rows]), labels[rows])
        loss.backward()
        optimizer.step()


def accuracy(rows):
    net.eval()
    with torch.no_grad():
        return (net(signals[rows]).argmax(1) == labels[rows]).float().mean().item()


print(f"accuracy on the training recordings {accuracy(train):.3f}")
print(f"accuracy for patients who come to us {accuracy(torch.from_numpy(test)):.3f}")
