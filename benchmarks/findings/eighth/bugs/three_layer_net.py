import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

torch.manual_seed(13)


class ThreeLayerNet(torch.nn.Module):
    def __init__(self, D_in, H, D_out):
        super(ThreeLayerNet, self).__init__()
        self.H = H
        self.linear1 = torch.nn.Linear(D_in, H)
        self.linear3 = torch.nn.Linear(H, D_out)

    def forward(self, x):
        h_relu = self.linear1(x).clamp(min=0)
        h_relu = torch.nn.Linear(self.H, self.H)(h_relu).clamp(min=0)
        y_pred = self.linear3(h_relu)
        return y_pred


X, y = load_diabetes(return_X_y=True)
X_train, X_test = X[:340], X[340:]
scaler = StandardScaler().fit(X_train)
x = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
mu, sigma = y[:340].mean(), y[:340].std()
t = torch.tensor((y[:340] - mu) / sigma, dtype=torch.float32).view(-1, 1)
t_test = torch.tensor((y[340:] - mu) / sigma, dtype=torch.float32).view(-1, 1)

N, D_in, H, D_out = 34, 10, 20, 1
model = ThreeLayerNet(D_in, H, D_out)
criterion = torch.nn.MSELoss(reduction="mean")
optimizer = torch.optim.SGD(model.parameters(), lr=2e-2)

for epoch in range(60):
    model.train()
    total = 0.0
    for batch in torch.randperm(len(x)).split(N):
        y_pred = model(x[batch])
        loss = criterion(y_pred, t[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    if epoch % 10 == 9:
        print(epoch + 1, round(total / len(x), 4))

model.eval()
with torch.no_grad():
    test_loss = criterion(model(x_test), t_test).item()
print(f"test mse {test_loss:.3f} r2 {1 - test_loss / t_test.var(unbiased=False).item():.3f}")
