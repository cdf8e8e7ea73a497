"""Behaviour cloning from a camera above a table: where should the hand go?"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

np.random.seed(4)
torch.manual_seed(4)
SIZE = 24


class TableScenes(Dataset):
    """Pictures (height, width, colour) with a red target among green and blue blocks."""

    def __init__(self, n):
        self.images = np.random.randint(60, 120, (n, SIZE, SIZE, 3)).astype(np.uint8)
        self.actions = np.zeros((n, 2), dtype=np.float32)
        for k in range(n):
            for colour in (1, 2, 0):
                r, c = np.random.randint(1, SIZE - 4, 2)
                self.images[k, r : r + 3, c : c + 3] = 40
                self.images[k, r : r + 3, c : c + 3, colour] = 230
            self.actions[k] = (r + 1) / SIZE, (c + 1) / SIZE

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return torch.from_numpy(self.images[k]).float() / 255, torch.from_numpy(self.actions[k])


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(32 * 36, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, img):
        b, h, w, c = img.shape
        img = img.reshape(b, c, h, w)
        return self.head(self.encoder(img))


def mean_distance(policy, loader):
    policy.eval()
    distances = []
    with torch.no_grad():
        for img, action in loader:
            distances.append((policy(img) - action).norm(dim=1) * SIZE)
    return torch.cat(distances).mean().item()


def main():
    train_loader = DataLoader(TableScenes(800), batch_size=32, shuffle=True)
    test_loader = DataLoader(TableScenes(200), batch_size=100)
    policy = Policy()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    for epoch in range(12):
        policy.train()
        losses = []
        for img, action in train_loader:
            loss = nn.functional.mse_loss(policy(img), action)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 3 == 2:
            print(
                f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f} "
                f"distance {mean_distance(policy, test_loader):.2f} pixels"
            )


if __name__ == "__main__":
    main()
