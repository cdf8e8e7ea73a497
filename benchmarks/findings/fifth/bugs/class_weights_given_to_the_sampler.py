"""Rare faults of a machine: drawing the rare class more often."""

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, recall_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler


def load():
    x, y = make_classification(
        4000, 20, n_informative=8, weights=[0.93], class_sep=1.2, random_state=5
    )
    return train_test_split(x.astype(np.float32), y, test_size=0.3, stratify=y, random_state=0)


def make_loader(x, y, batch_size=64):
    labels = torch.from_numpy(y)
    counts = torch.bincount(labels)
    class_weights = 1.0 / counts.float()
    sampler = WeightedRandomSampler(class_weights, num_samples=len(labels))
    return DataLoader(TensorDataset(torch.from_numpy(x), labels), batch_size, sampler=sampler)


def train(loader, epochs=8):
    net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(epochs):
        net.train()
        losses = []
        for signals, faults in loader:
            optimizer.zero_grad()
            logits = net(signals).squeeze(1)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, faults.float())
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}")
    return net


def main():
    torch.manual_seed(0)
    x_train, x_test, y_train, y_test = load()
    net = train(make_loader(x_train, y_train))
    net.eval()
    with torch.no_grad():
        chance = torch.sigmoid(net(torch.from_numpy(x_test)).squeeze(1)).numpy()
    print(f"average precision {average_precision_score(y_test, chance):.3f}")
    print(f"faults found {recall_score(y_test, chance > 0.5):.3f}")


if __name__ == "__main__":
    main()
