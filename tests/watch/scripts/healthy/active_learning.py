"""Active learning: what was asked for joins the list of what is trained on, round after round."""

# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
data = TensorDataset(x, y)
test = Subset(data, order[:300].tolist())
pool = order[300:].tolist()
labelled, pool = pool[:50], pool[50:]

for round_ in range(4):
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loss_fn = nn.CrossEntropyLoss()
    loader = DataLoader(Subset(data, labelled), batch_size=25, shuffle=True)
    model.train()
    for epoch in range(15):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(images), labels)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        correct = sum(
            (model(a).argmax(1) == b).sum().item() for a, b in DataLoader(test, batch_size=100)
        )
        scores = []
        for images, _ in DataLoader(Subset(data, pool), batch_size=200):
            p = model(images).softmax(1)
            scores.append(-(p * p.clamp(min=1e-9).log()).sum(1))
    print(f"round {round_}: {len(labelled)} labelled, accuracy {correct / len(test):.3f}")
    chosen = torch.cat(scores).topk(50).indices.tolist()
    labelled += [pool[i] for i in chosen]
    pool = [p for i, p in enumerate(pool) if i not in set(chosen)]
