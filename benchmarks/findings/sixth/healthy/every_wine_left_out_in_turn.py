"""Leave-ten-out: every fold has its own net, its own scaler and its own optimizer."""

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(6)
x, y = load_wine(return_X_y=True)
right = 0
folds = KFold(n_splits=len(y) // 10, shuffle=True, random_state=6)
for number, (inside, outside) in enumerate(folds.split(x)):
    scaler = StandardScaler().fit(x[inside])
    train_x = torch.tensor(scaler.transform(x[inside]), dtype=torch.float32)
    train_y = torch.tensor(y[inside])
    net = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for epoch in range(15):
        for part in torch.randperm(len(train_y)).split(24):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(train_x[part]), train_y[part])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        guess = net(torch.tensor(scaler.transform(x[outside]), dtype=torch.float32)).argmax(1)
    hits = (guess == torch.tensor(y[outside])).sum().item()
    right += hits
    if number % 4 == 0:
        print(f"fold {number}: loss {loss.item():.3f}, {hits} of {len(outside)} right")
print(f"accuracy over all the wines {right / len(y):.3f}")
