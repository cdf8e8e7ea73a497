import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)
x, y = make_classification(
    n_samples=2000, n_features=12, n_informative=6, weights=[0.9], random_state=1
)
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(x, dtype=torch.float32), torch.tensor(y), test_size=0.3, random_state=0, stratify=y
)
class_weights = 1.0 / torch.bincount(y_train)
sampler = WeightedRandomSampler(class_weights[y_train], num_samples=len(x_train), replacement=True)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, sampler=sampler)

model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
model.eval()
with torch.no_grad():
    guess = model(x_test).argmax(1)
recall = [(guess[y_test == c] == c).float().mean().item() for c in (0, 1)]
print("balanced accuracy", sum(recall) / 2)
