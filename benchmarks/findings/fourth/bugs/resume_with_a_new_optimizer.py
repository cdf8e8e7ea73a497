import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
bunch = load_digits()
x = torch.tensor(bunch.data / 16, dtype=torch.float32)
y = torch.tensor(bunch.target)


def build_model():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def build_optim(model, checkpoint=None):
    optim = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.99))
    if checkpoint is not None:
        optim.load_state_dict(checkpoint["optim"])
    return optim


def train(model, optim, first, last):
    for epoch in range(first, last):
        model.train()
        for part in torch.randperm(1400).split(35):
            optim.zero_grad()
            loss = nn.functional.cross_entropy(model(x[part]), y[part])
            loss.backward()
            optim.step()
        model.eval()
        with torch.no_grad():
            acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {acc:.3f}")


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "last.pt"
    model = build_model()
    optim = build_optim(model)
    train(model, optim, 0, 4)
    torch.save({"epoch": 4, "model": model.state_dict(), "optim": optim.state_dict()}, path)

    # the night is over: go on from the file
    checkpoint = torch.load(path)
    model = build_model()
    model.load_state_dict(checkpoint["model"])
    optim = build_optim(model)
    train(model, optim, checkpoint["epoch"], 8)
