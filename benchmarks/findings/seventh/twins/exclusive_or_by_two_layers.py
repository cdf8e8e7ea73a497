import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(1)

input_dim, hidden_dim, output_dim = 2, 8, 1
learning_rate = 0.05
num_epochs = 300


def xor_points(n):
    corners = torch.randint(0, 2, (n, 2))
    labels = (corners[:, 0] ^ corners[:, 1]).float().unsqueeze(1)
    return corners.float() + 0.08 * torch.randn(n, 2), labels


X_train, Y_train = xor_points(200)
X_test, Y_test = xor_points(100)

model = nn.Sequential(
    nn.Linear(input_dim, hidden_dim),
    nn.ReLU(),
    nn.Linear(hidden_dim, output_dim),
    nn.Sigmoid(),
)
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)

for epoch in range(num_epochs):
    order = torch.randperm(len(X_train))
    for start in range(0, len(order), 50):
        idx = order[start : start + 50]
        optimizer.zero_grad()
        predictions = model(X_train[idx])
        loss = criterion(predictions, Y_train[idx])
        loss.backward()
        optimizer.step()
    if epoch % 50 == 0:
        print(f"epoch {epoch:4d} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    for x in torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]):
        print(x.tolist(), "->", round(model(x).item(), 3))
    accuracy = ((model(X_test) > 0.5).float() == Y_test).float().mean()
print(f"test accuracy {accuracy:.3f}")
