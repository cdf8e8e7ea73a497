import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
perm = torch.randperm(1797)
x = torch.tensor(digits.data / 16, dtype=torch.float32)[perm]
y = torch.tensor(digits.target == 8).long()[perm]
x_train, x_test = x[:1200], x[1200:]
y_train, y_test = y[:1200], y[1200:]

share = y_train.float().mean().item()
print(f"share of eights: {share:.3f}")
loss_weights = torch.FloatTensor([1 / (1 - share), 1 / share])
loss_fn = nn.CrossEntropyLoss(weight=loss_weights)

model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    order = torch.randperm(1200)
    losses = []
    for start in range(0, 1200, 40):
        batch = order[start : start + 40]
        loss = loss_fn(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}")

with torch.no_grad():
    found = model(x_test).argmax(1)
recall = ((found == 1) & (y_test == 1)).sum() / (y_test == 1).sum()
precision = ((found == 1) & (y_test == 1)).sum() / (found == 1).sum().clamp(min=1)
print(f"eights found: {recall:.3f}, of those named: {precision:.3f}")
