import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

cfg = dict(epochs=8, batch_size=32, max_lr=0.1, momentum=0.9, seed=0)
torch.manual_seed(cfg["seed"])

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=cfg["seed"])
train_loader = DataLoader(TensorDataset(x_train, y_train), cfg["batch_size"], shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), 128)

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, stride=2, padding=1),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(12 * 16, 10),
)
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=cfg["momentum"])
scheduler = optim.lr_scheduler.OneCycleLR(
    optimizer,
    max_lr=cfg["max_lr"],
    epochs=cfg["epochs"],
    steps_per_epoch=len(train_loader),
)
criterion = nn.CrossEntropyLoss()

for epoch in range(cfg["epochs"]):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()

    model.eval()
    right, total = 0, 0.0
    with torch.no_grad():
        for images, labels in test_loader:
            logits = model(images)
            total += criterion(logits, labels).item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
    lr = optimizer.param_groups[0]["lr"]
    n = len(y_test)
    print(f"epoch {epoch}: lr {lr:.5f}, test loss {total / n:.3f}, accuracy {right / n:.3f}")
