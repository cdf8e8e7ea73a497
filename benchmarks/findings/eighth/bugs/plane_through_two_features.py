import torch
import torch.nn as nn

torch.manual_seed(12)

# y = 10 + 9 x1 - 2 x2 + noise
sample_size = 100
x = torch.randn((sample_size, 2))
eps = torch.randn(sample_size)
y = 10 + 9 * x[:, 0] - 2 * x[:, 1] + eps

x_new = torch.randn((50, 2))
y_new = 10 + 9 * x_new[:, 0] - 2 * x_new[:, 1] + torch.randn(50)

model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_func = nn.MSELoss()

for epoch in range(60):
    optimizer.zero_grad()
    yhat = model(x)
    loss_val = loss_func(yhat, y)
    loss_val.backward()
    optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1:2d} loss {loss_val.item():.3f}")

print("weight", model.weight.data)
print("bias", model.bias.data)
with torch.no_grad():
    residual = y_new - model(x_new)[:, 0]
print(f"mean absolute error on new points {residual.abs().mean():.3f}")
