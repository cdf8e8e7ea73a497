import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
data = load_breast_cancer()
x_train, y_train = data.data[:400], data.target[:400]
# The hospital sends mostly harmless cases.
late = data.data[400:][data.target[400:] == 1]
bad = data.data[400:][data.target[400:] == 0][:6]
y_test = torch.cat([torch.ones(len(late)), torch.zeros(6)])
sc = StandardScaler()
x_train = torch.tensor(sc.fit_transform(x_train), dtype=torch.float32)
both = list(late) + list(bad)
x_test = torch.tensor(sc.transform(both), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(100):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(x_train).squeeze(1), y_train)
    loss.backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    guess = (model(x_test).squeeze(1) > 0).float()
print(f"train loss {loss.item():.4f}")
print(f"test accuracy {(guess == y_test).float().mean().item():.4f}")
