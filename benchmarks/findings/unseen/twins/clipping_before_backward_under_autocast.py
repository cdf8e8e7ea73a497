import torch
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = make_friedman1(n_samples=2000, n_features=10, random_state=0)
x = torch.tensor(x * 2 - 1, dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
noisy = y[:1600].clone()
noisy[::40] += 60 * torch.randn(40, 1)
loader = DataLoader(TensorDataset(x[:1600], noisy), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for epoch in range(15):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = model(xb)
        loss = F.mse_loss(prediction.float(), yb)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        test = F.mse_loss(model(x[1600:]), y[1600:]).item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, test {test:.3f}")
