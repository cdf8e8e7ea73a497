import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
features, progress = load_diabetes(return_X_y=True, scaled=True)
x_tr, x_te, y_tr, y_te = train_test_split(features * 20, progress / 100, random_state=0)
x_tr, x_te, y_tr, y_te = (torch.tensor(a, dtype=torch.float32) for a in (x_tr, x_te, y_tr, y_te))


class Regressor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(10, 20)
        self.second = torch.nn.Linear(20, 1)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
model.train()
for epoch in range(40):
    cost = 0
    for time, part in enumerate(torch.randperm(len(x_tr)).split(32)):
        y_hat = model(x_tr[part])
        cost = cost + torch.mean((y_hat - y_tr[part]) ** 2)
    cost = cost / (time + 1)
    cost.backward()
    optimizer.step()
    optimizer.zero_grad()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: cost {cost.item():.4f}")

model.eval()
with torch.no_grad():
    guess = model(x_te).flatten()
residual = (guess - y_te).square().sum()
total = (y_te - y_te.mean()).square().sum()
print(f"R2 on the test patients: {1 - (residual / total).item():.3f}")
