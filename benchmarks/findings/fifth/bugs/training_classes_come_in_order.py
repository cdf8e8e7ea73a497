import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

CONFIG = {"batch_size": 32, "epochs": 10, "lr": 0.05, "hidden": 64}
torch.manual_seed(0)


class DigitFolders(Dataset):
    """Walks through the folders 0, 1, ..., 9, as they lie on the disk."""

    def __init__(self, train):
        data = load_digits()
        self.items = []
        for digit in range(10):
            pictures = data.data[data.target == digit]
            cut = int(len(pictures) * 0.75)
            chosen = pictures[:cut] if train else pictures[cut:]
            self.items += [(picture, digit) for picture in chosen]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        picture, digit = self.items[index]
        return torch.tensor(picture, dtype=torch.float32) / 16, digit


class Experiment:
    def __init__(self, config):
        self.config = config
        self.train_loader = DataLoader(DigitFolders(True), config["batch_size"])
        self.test_loader = DataLoader(DigitFolders(False), config["batch_size"])
        self.net = nn.Sequential(
            nn.Linear(64, config["hidden"]), nn.ReLU(), nn.Linear(config["hidden"], 10)
        )
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=config["lr"], momentum=0.9)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self):
        self.net.train()
        total = 0.0
        for pictures, digits in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.net(pictures), digits)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(digits)
        return total / len(self.train_loader.dataset)

    @torch.no_grad()
    def test(self):
        self.net.eval()
        right = sum((self.net(p).argmax(1) == d).sum().item() for p, d in self.test_loader)
        return right / len(self.test_loader.dataset)

    def run(self):
        for epoch in range(self.config["epochs"]):
            loss = self.train_epoch()
            print(f"epoch {epoch}: loss {loss:.3f}, test accuracy {self.test():.3f}")


if __name__ == "__main__":
    Experiment(CONFIG).run()
