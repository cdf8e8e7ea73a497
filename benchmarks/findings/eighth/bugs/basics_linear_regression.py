# # PyTorch basics: linear regression
#
# The same steps as for every other model: data, model, optimizer, loop.

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_regression

torch.manual_seed(4)

# ## Data

n_features = 3
n_samples = 200
X, y, truth = make_regression(
    n_samples=n_samples, n_features=n_features, noise=2, coef=True, bias=8.0, random_state=4
)
y = y / 100
X_train = torch.from_numpy(X[:150]).float()
y_train = torch.from_numpy(y[:150]).float().unsqueeze(1)
X_test = torch.from_numpy(X[150:]).float()
y_test = torch.from_numpy(y[150:]).float().unsqueeze(1)


# ## Model


class LinReg(nn.Module):
    def __init__(self, input_dim):
        super().__init__()
        self.beta = nn.Linear(input_dim, 1)

    def forward(self, X):
        return self.beta(X)


model = LinReg(n_features)
loss_fn = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)

# ## Train step

train_losses = []
for step in range(100):
    model.train()
    optimizer.zero_grad()

    y_ = model(X_train)
    loss = loss_fn(y_, y_train)

    loss.backward(loss)
    optimizer.step()
    train_losses.append(loss.item())

print("loss every tenth step:", np.round(train_losses[::10], 4))

# ## Evaluate

model.eval()
with torch.no_grad():
    y_ = model(X_test)
ss_res = ((y_test - y_) ** 2).sum()
ss_tot = ((y_test - y_test.mean()) ** 2).sum()
print(f"test loss {loss_fn(y_, y_test).item():.5f} r2 {(1 - ss_res / ss_tot).item():.4f}")
print("found", np.round(model.beta.weight[0].detach().numpy(), 3), "true", np.round(truth / 100, 3))
