import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trainer:
    def __init__(self, model, optimizer, criterion, max_norm=1.0):
        self.model = model
        self.optimizer = optimizer
        self.criterion = criterion
        self.max_norm = max_norm
        self.history = []

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            self.model.train()
            total = 0.0
            for x, y in loader:
                loss = self.criterion(self.model(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
                total += loss.item() * len(y)
            self.history.append(total / len(loader.dataset))

    @torch.no_grad()
    def accuracy(self, loader):
        self.model.eval()
        hits = sum((self.model(x).argmax(1) == y).sum().item() for x, y in loader)
        return hits / len(loader.dataset)


def main():
    torch.manual_seed(0)
    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=0
    )
    scaler = StandardScaler().fit(x_train)
    train_set, test_set = (
        TensorDataset(torch.tensor(scaler.transform(a), dtype=torch.float32), torch.tensor(b))
        for a, b in ((x_train, y_train), (x_test, y_test))
    )
    model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
    trainer = Trainer(model, torch.optim.Adam(model.parameters(), lr=5e-3), nn.CrossEntropyLoss())
    trainer.fit(DataLoader(train_set, batch_size=16, shuffle=True), epochs=15)
    print("loss", " ".join(f"{value:.3f}" for value in trainer.history[::3]))
    print(f"test accuracy {trainer.accuracy(DataLoader(test_set, batch_size=64)):.3f}")


if __name__ == "__main__":
    main()
