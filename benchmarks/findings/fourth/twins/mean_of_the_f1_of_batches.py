import torch
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def train_one_epoch(model, loader, optimizer, criterion):
    model.train()
    total, seen = 0.0, 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        seen += len(y)
    return total / seen


def evaluate(model, loader):
    model.eval()
    guesses, truths = [], []
    with torch.no_grad():
        for x, y in loader:
            guesses.append(model(x).squeeze(1) > 0)
            truths.append(y)
    return f1_score(torch.cat(truths).numpy(), torch.cat(guesses).numpy(), zero_division=0)


def main():
    torch.manual_seed(0)
    bunch = load_digits()
    x = torch.tensor(bunch.data / 16, dtype=torch.float32)
    is_eight = torch.tensor(bunch.target == 8, dtype=torch.float32)
    train_set, val_set = random_split(TensorDataset(x, is_eight), [1300, 497])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=16)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(12):
        loss = train_one_epoch(model, train_loader, optimizer, criterion)
        if epoch % 3 == 2:
            print(f"epoch {epoch}: loss {loss:.3f} F1 {evaluate(model, val_loader):.3f}")


if __name__ == "__main__":
    main()
