"""Before the long training: can the network learn one single batch by heart? Then the real thing."""

import os

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


def build():
    return nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def by_heart(loader, steps=150):
    x, y = next(iter(loader))
    model = build()
    model.eval()  # no dropout here: the loss must go to nothing
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = step(model, optimizer, x, y)
    for _ in range(steps):
        last = step(model, optimizer, x, y)
    print(f"one batch by heart: loss {first:.3f} -> {last:.5f}")
    assert last < 0.05, "something is broken, no need to train for long"


def main():
    torch.manual_seed(SEED)
    X, y = load_wine(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, random_state=SEED, stratify=y
    )
    mean, std = X_train.mean(0), X_train.std(0)
    x_train = torch.tensor((X_train - mean) / std, dtype=torch.float32)
    x_test = torch.tensor((X_test - mean) / std, dtype=torch.float32)
    y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)

    by_heart(loader)

    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(20):
        model.train()
        losses = [step(model, optimizer, x, y) for x, y in loader]
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f}")
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
