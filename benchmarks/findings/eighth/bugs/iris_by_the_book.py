import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)

iris = load_iris()
X_train, X_test, y_train, y_test = train_test_split(
    iris["data"], iris["target"], test_size=1.0 / 3, random_state=1
)
mean, std = X_train.mean(axis=0), X_train.std(axis=0)
X_train_norm = torch.tensor((X_train - mean) / std).float()
X_test_norm = torch.tensor((X_test - mean) / std).float()
train_ds = TensorDataset(X_train_norm, torch.from_numpy(y_train))
batch_size = 2
train_dl = DataLoader(train_ds, batch_size, shuffle=True)


class Model(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.layer1 = nn.Linear(input_size, hidden_size)
        self.layer2 = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        x = torch.sigmoid(self.layer1(x))
        return self.layer2(x)


model = Model(X_train_norm.shape[1], 16, 3)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

num_epochs = 40
loss_hist = [0] * num_epochs
accuracy_hist = [0] * num_epochs

for epoch in range(num_epochs):
    for x_batch, y_batch in train_dl:
        pred = model(x_batch)
        loss = loss_fn(pred, y_batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss_hist[epoch] += loss.item() * y_batch.size(0)
        is_correct = (torch.argmax(pred, dim=1) == y_batch).float()
        accuracy_hist[epoch] += is_correct.mean().item()

    loss_hist[epoch] /= len(train_dl.dataset)
    accuracy_hist[epoch] /= len(train_dl.dataset)
    if epoch % 5 == 4:
        print(
            f"epoch {epoch + 1:3d} loss {loss_hist[epoch]:.4f} accuracy {accuracy_hist[epoch]:.4f}"
        )

with torch.no_grad():
    pred_test = model(X_test_norm)
correct = (torch.argmax(pred_test, dim=1) == torch.from_numpy(y_test)).float()
print(f"Test Acc.: {correct.mean():.4f}")
