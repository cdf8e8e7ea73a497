import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]

# No labels, a negative loss, and one branch detached on purpose.
encoder = nn.Sequential(
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.BatchNorm1d(32, affine=False),
)
predictor = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32))
optimizer = torch.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)


def view(images):
    return images * (torch.rand_like(images) > 0.2) + 0.05 * torch.randn_like(images)


for epoch in range(6):
    for (xb,) in DataLoader(TensorDataset(x[:1400]), batch_size=100, shuffle=True):
        z1, z2 = encoder(view(xb)), encoder(view(xb))
        p1, p2 = predictor(z1), predictor(z2)
        loss = -0.5 * (
            F.cosine_similarity(p1, z2.detach()).mean()
            + F.cosine_similarity(p2, z1.detach()).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
encoder.eval()
with torch.no_grad():
    z = F.normalize(encoder(x), dim=1)
    nearest = (z[1400:] @ z[:1400].T).argmax(1)
print("nearest neighbour accuracy", (y[nearest] == y[1400:]).float().mean().item())
