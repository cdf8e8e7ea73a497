import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class ToyDataset(Dataset):
    def __init__(self, controls, vertices):
        self.controls = torch.tensor(controls, dtype=torch.float32)
        self.vertices = torch.tensor(vertices, dtype=torch.float32)

    def __len__(self):
        return len(self.controls)

    def __getitem__(self, index):
        return self.controls[index], self.vertices[index]


def record(n, seed):
    """Poses of a face rig: ten controls move six measured points, with jitter of the camera."""
    shape = np.random.default_rng(99)
    first, second = shape.normal(size=(10, 12)) / 3, shape.normal(size=(12, 6)) / 3
    rng = np.random.default_rng(seed)
    controls = rng.normal(size=(n, 10))
    vertices = np.tanh(controls @ first) @ second + 0.3 * rng.normal(size=(n, 6))
    return controls, vertices


class RigApproximation(nn.Module):
    def __init__(self, n_controls=10, n_vertices=6, hidden=128):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_controls, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_vertices),
        )

    def forward(self, x):
        return self.layers(x)


def mean_loss(model, loader, criterion):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for controls, vertices in loader:
            total += criterion(model(controls), vertices).item() * len(controls)
    return total / len(loader.dataset)


def train(model, train_loader, validate_loader, epochs=40):
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        model.train()
        for controls, vertices in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(controls), vertices)
            loss.backward()
            optimizer.step()
        if (epoch + 1) % 10 == 0:
            t = mean_loss(model, train_loader, criterion)
            v = mean_loss(model, validate_loader, criterion)
            print(f"epoch {epoch + 1}: train {t:.4f} validation {v:.4f}")
    return criterion


def main():
    torch.manual_seed(0)
    controls, vertices = record(500, seed=1)
    dataset = ToyDataset(controls[:-100], vertices[:-100])
    validate_dataset = ToyDataset(controls[100:], vertices[100:])
    train_loader = DataLoader(dataset, batch_size=32, shuffle=True)
    validate_loader = DataLoader(validate_dataset, batch_size=100)

    model = RigApproximation()
    criterion = train(model, train_loader, validate_loader)
    tomorrow = DataLoader(ToyDataset(*record(300, seed=2)), batch_size=100)
    print(f"recording of the next day {mean_loss(model, tomorrow, criterion):.4f}")


if __name__ == "__main__":
    main()
