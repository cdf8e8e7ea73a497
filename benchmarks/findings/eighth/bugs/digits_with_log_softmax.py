# Unit 3: a dense network for handwritten digits
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(22)

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.images.astype("float32") / 16, digits.target, test_size=0.25, random_state=22
)
train_loader = DataLoader(
    TensorDataset(torch.tensor(x_train), torch.tensor(y_train)), batch_size=64, shuffle=True
)
test_loader = DataLoader(TensorDataset(torch.tensor(x_test), torch.tensor(y_test)), batch_size=64)

net = nn.Sequential(
    nn.Flatten(),
    nn.Linear(64, 10),
    nn.LogSoftmax(dim=0),
)


def train_epoch(net, dataloader, lr=0.01, optimizer=None, loss_fn=nn.NLLLoss()):
    optimizer = optimizer or torch.optim.Adam(net.parameters(), lr=lr)
    net.train()
    total_loss, acc, count = 0, 0, 0
    for features, labels in dataloader:
        optimizer.zero_grad()
        out = net(features)
        loss = loss_fn(out, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss
        predicted = torch.max(out, 1)[1]
        acc += (predicted == labels).sum()
        count += len(labels)
    return total_loss.item() / count, acc.item() / count


def validate(net, dataloader, loss_fn=nn.NLLLoss()):
    net.eval()
    count, acc, loss = 0, 0, 0
    with torch.no_grad():
        for features, labels in dataloader:
            out = net(features)
            loss += loss_fn(out, labels)
            pred = torch.max(out, 1)[1]
            acc += (pred == labels).sum()
            count += len(labels)
    return loss.item() / count, acc.item() / count


optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for ep in range(10):
    tl, ta = train_epoch(net, train_loader, optimizer=optimizer)
    vl, va = validate(net, test_loader)
    print(
        f"Epoch {ep:2}, Train acc={ta:.3f}, Val acc={va:.3f}, Train loss={tl:.3f}, Val loss={vl:.3f}"
    )
