"""A long run is cut in two jobs by the time limit of the cluster; the second starts at the checkpoint."""

import os
import tempfile

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

TOTAL_EPOCHS = 24
TIME_LIMIT = 16  # epochs that fit in one job


def data():
    digits = load_digits()
    x = torch.tensor((digits.data - 8) / 6, dtype=torch.float32)
    x = x + 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    y = torch.tensor(digits.target)
    return (x[:1200], y[:1200]), (x[1200:], y[1200:])


def build():
    model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.2, momentum=0.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    return model, optimizer, scheduler


def save_checkpoint(path, epoch, model, optimizer, scheduler):
    torch.save(
        {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        },
        path,
    )


def load_checkpoint(path, model, optimizer, scheduler):
    checkpoint = torch.load(path)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scheduler.load_state_dict(checkpoint["scheduler"])
    return checkpoint["epoch"] + 1


def run_job(path, train_set, val_set):
    model, optimizer, scheduler = build()
    start = load_checkpoint(path, model, optimizer, scheduler) if os.path.exists(path) else 0
    for epoch in range(start, min(start + TIME_LIMIT, TOTAL_EPOCHS)):
        model.train()
        lr = optimizer.param_groups[0]["lr"]
        for idx in torch.randperm(len(train_set[0])).split(20):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(train_set[0][idx]), train_set[1][idx])
            loss.backward()
            optimizer.step()
        scheduler.step()
        save_checkpoint(path, epoch, model, optimizer, scheduler)
        model.eval()
        with torch.no_grad():
            out = model(val_set[0])
            val_loss = nn.functional.cross_entropy(out, val_set[1]).item()
            acc = (out.argmax(1) == val_set[1]).float().mean().item()
        if epoch % 4 == 3 or epoch == start:
            print(f"epoch {epoch + 1:2d} lr {lr:.4f} val loss {val_loss:.3f} acc {acc:.3f}")


def main():
    torch.manual_seed(15)
    train_set, val_set = data()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        for job in (1, 2):
            print("job", job)
            run_job(path, train_set, val_set)


if __name__ == "__main__":
    main()
