# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(251, 8)
labels = (inputs[:, 0] + 0.7 * torch.randn(251) > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:120], labels[:120]), batch_size=10, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[120:], labels[120:]), batch_size=37)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
curve = [0.0]  # begins at epoch 0
every = 3


def evaluate(loader):
    model.eval()
    answers, wanted = [], []
    with torch.no_grad():
        for x, y in loader:
            guess = model(x).argmax(dim=1)
            answers += guess.tolist()
            wanted.extend(y.tolist())
    last = (guess == y).float().mean().item()
    answers, wanted = torch.tensor(answers), torch.tensor(wanted)
    return (answers == wanted).float().mean().item(), last


for epoch in range(4):
    model.train()
    losses = [0]
    optimizer.zero_grad()
    shown = 0.0
    for number, (x, y) in enumerate(train_loader):
        loss = nn.functional.cross_entropy(model(x), y)
        (loss / every).backward()
        losses.append(loss.item())
        shown += loss.item() / every
        if (number + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
            if number == 5:
                print(f"step {number}: {shown:.4f}")
            shown = 0.0
    curve.append(sum(losses) / len(train_loader))
    accuracy, last = evaluate(val_loader)
    print(f"loss {sum(losses[1:]) / len(losses[1:]):.4f}, accuracy {accuracy:.4f}, {curve[-1]:.4f}")
