import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def loaders():
    d = load_digits()
    x = torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(d.target)
    return (
        DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=50, shuffle=True),
        DataLoader(TensorDataset(x[1300:], y[1300:]), batch_size=100),
    )


def cmd_train(context):
    torch.manual_seed(0)
    train_loader, val_loader = loaders()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = optim.SGD(model.parameters(), lr=context["lr"])
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    for epoch in range(context["epochs"]):
        model.train()
        total = 0.0
        for images, target in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        model.eval()
        hits = 0
        with torch.no_grad():
            for images, target in val_loader:
                hits += (model(images).argmax(1) == target).sum().item()
        print(f"Epoch {epoch}: loss {total / len(train_loader):.3f} val acc {hits / 497:.3f}")


cmd_train({"lr": 0.2, "epochs": 8})
