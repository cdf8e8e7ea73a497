import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = make_classification(
    n_samples=4000,
    n_features=20,
    n_informative=8,
    n_classes=3,
    weights=[0.8, 0.15],
    class_sep=0.9,
    random_state=2,
)
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(x, dtype=torch.float32), torch.tensor(y), test_size=0.3, random_state=0, stratify=y
)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)


def focal_loss(logits, target, gamma=3.0):
    ce = F.cross_entropy(logits, target, reduction="none")
    p = torch.exp(-ce)
    loss = (1 - p) ** gamma * ce
    return loss.mean()


model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(8):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = focal_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
model.eval()
with torch.no_grad():
    guess = model(x_test).argmax(1)
recall = [(guess[y_test == c] == c).float().mean().item() for c in range(3)]
print("mean recall", sum(recall) / 3)
