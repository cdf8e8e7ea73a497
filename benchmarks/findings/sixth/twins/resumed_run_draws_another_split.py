"""Training in two sittings: the second one goes on from the file of the first."""

import os
import tempfile

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(5)
CHECKPOINT = os.path.join(tempfile.mkdtemp(), "last.pt")


def survey(count):
    x = torch.randn(count, 8)
    truth = (x[:, :4].sum(1) > 0).long()
    wrong = torch.rand(count) < 0.15
    return x, torch.where(wrong, 1 - truth, truth)


ANSWERS = TensorDataset(*survey(600))


def accuracy(model, loader):
    model.eval()
    hits = count = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    return hits / count


def sitting(epochs):
    train_set, valid_set = random_split(
        ANSWERS, [480, 120], generator=torch.Generator().manual_seed(17)
    )
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    valid_loader = DataLoader(valid_set, batch_size=120)
    model = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    first = 0
    if os.path.exists(CHECKPOINT):
        saved = torch.load(CHECKPOINT)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["epoch"] + 1
    for epoch in range(first, first + epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state, CHECKPOINT)
    print(f"up to epoch {epoch}: validation accuracy {accuracy(model, valid_loader):.3f}")
    return model


sitting(60)
final = sitting(5)
print(
    f"accuracy in a new survey {accuracy(final, DataLoader(TensorDataset(*survey(2000)), 500)):.3f}"
)
