import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
bunch = load_digits()
images = torch.tensor(bunch.data / 16, dtype=torch.float32)
targets = torch.tensor(bunch.target)
train_x, train_y = images[:1400], targets[:1400]
test_x, test_y = images[1400:], targets[1400:]


def batches(size=50):
    for idx in torch.randperm(len(train_x)).split(size):
        yield train_x[idx], train_y[idx]


model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=5e-3, momentum=0.9)

for epoch in range(15):
    total = 0.0
    for x, y in batches():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(x)
        loss = nn.functional.cross_entropy(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    print(f"epoch {epoch}: {total / len(train_x):.4f}")

with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"accuracy {accuracy:.4f}")
