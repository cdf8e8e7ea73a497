"""Focal loss (binary) on payments of which few are fraud."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, TensorDataset


class FocalLoss(nn.Module):
    def __init__(self, gamma=2.0, alpha=0.75, reduction="mean"):
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha
        self.reduction = reduction

    def forward(self, inputs, targets):
        probs = torch.sigmoid(inputs)
        bce_loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
        p_t = probs * targets + (1 - probs) * (1 - targets)
        focal_weight = (1 - p_t) ** self.gamma
        alpha_t = self.alpha * targets + (1 - self.alpha) * (1 - targets)
        loss = alpha_t * focal_weight * bce_loss
        return loss.mean() if self.reduction == "mean" else loss.sum()


def payments(n, generator):
    x = torch.randn(n, 10, generator=generator)
    score = (
        x[:, 0] * x[:, 1]
        + x[:, 2]
        - 0.8 * x[:, 3].abs()
        + 0.3 * torch.randn(n, generator=generator)
    )
    return x, (score > 1.7).float()


def main():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    train_set = TensorDataset(*payments(4000, generator))
    x_test, y_test = payments(2000, generator)
    print(f"share of fraud {y_test.mean():.3f}")
    model = nn.Sequential(
        nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1)
    )
    criterion = FocalLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, 7):
        model.train()
        running = 0.0
        for x, y in DataLoader(train_set, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(x).squeeze(-1), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(x)
        model.eval()
        with torch.no_grad():
            probability = torch.sigmoid(model(x_test).squeeze(-1))
        f1 = f1_score(y_test.numpy(), (probability > 0.5).numpy())
        if epoch % 2 == 0:
            quality = ((probability - y_test) ** 2).mean().item()
            print(
                f"epoch {epoch:2d} loss {running / len(train_set):.4f} f1 {f1:.3f} brier {quality:.4f}"
            )


if __name__ == "__main__":
    main()
