import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
loader = DataLoader(TensorDataset(x[:1408], y[:1408]), batch_size=2, shuffle=True)
accumulation_steps = 32

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
for epoch in range(6):
    for step, (xb, yb) in enumerate(loader):
        loss = F.cross_entropy(model(xb), yb) / accumulation_steps
        loss.backward()
        if (step + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        accuracy = (model(x[1408:]).argmax(1) == y[1408:]).float().mean().item()
    print(f"epoch {epoch}: accuracy {accuracy:.3f}")
