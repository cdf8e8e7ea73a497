import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

WEIGHT = 20.0
torch.manual_seed(0)
bunch = load_digits()
order = torch.randperm(1797)
x = torch.tensor(bunch.data / 16, dtype=torch.float32)[order]
y = torch.tensor(bunch.target)[order]
x_few, y_few = x[:80], y[:80]
x_many = x[80:1300]
x_test, y_test = x[1300:], y[1300:]


def jitter(batch):
    return batch + 0.2 * torch.randn_like(batch)


net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
supervised_log, consistency_log = [], []
for step in range(400):
    few = torch.randint(0, len(x_few), (40,))
    many = torch.randint(0, len(x_many), (80,))
    supervised = cross_entropy(net(jitter(x_few[few])), y_few[few])
    with torch.no_grad():
        calm = net(x_many[many]).softmax(1)
    consistency = mse_loss(net(jitter(x_many[many])).softmax(1), calm).item()
    loss = supervised + WEIGHT * min(1.0, step / 200) * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    supervised_log.append(supervised.item())
    consistency_log.append(consistency)
    if step % 100 == 99:
        s, c = sum(supervised_log[-100:]) / 100, sum(consistency_log[-100:]) / 100
        print(f"step {step + 1}: supervised {s:.4f} consistency {c:.5f}")
with torch.no_grad():
    print(f"accuracy {(net(x_test).argmax(1) == y_test).float().mean().item():.3f}")
    print(f"under noise {(net(jitter(x_test)).argmax(1) == y_test).float().mean().item():.3f}")
