"""Six laboratory tests per substance; most substances were only put to some of them (-1: not tested)."""

import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
TESTS, WIDTH = 6, 30
RULES = torch.randn(WIDTH, TESTS)


def substances(count, tested):
    x = torch.randn(count, WIDTH)
    answers = (x @ RULES + torch.randn(count, TESTS) > 0).float()
    answers[torch.rand(count, TESTS) > tested] = -1.0
    return TensorDataset(x, answers)


train_set, test_set = substances(1500, tested=0.45), substances(500, tested=0.45)
loader = DataLoader(train_set, batch_size=64, shuffle=True)

net = nn.Sequential(nn.Linear(WIDTH, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, TESTS))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(15):
    net.train()
    running = 0.0
    for x, answers in loader:
        logits = net(x)
        known = answers >= 0
        loss = criterion(logits[known], answers[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {running / len(loader):.3f}")

net.eval()
with torch.no_grad():
    x, answers = test_set.tensors
    guess = (net(x) > 0).float()
scores = []
for test in range(TESTS):
    known = answers[:, test] >= 0
    scores.append(balanced_accuracy_score(answers[known, test], guess[known, test]))
print("balanced accuracy per test:", " ".join(f"{score:.3f}" for score in scores))
