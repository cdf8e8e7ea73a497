import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = make_classification(
    n_samples=3000, n_features=20, n_informative=6, weights=[0.92], class_sep=0.8, random_state=0
)
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(x, dtype=torch.float32), torch.tensor(y), test_size=0.3, random_state=0, stratify=y
)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
share = y_train.float().mean().item()
print(f"share of class 1: {share:.3f}")

model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 2))
loss_weights = torch.tensor([1 / (1 - share), 1 / share])
criterion = nn.CrossEntropyLoss(weight=loss_weights)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        guess = model(x_test).argmax(1)
    accuracy = (guess == y_test).float().mean().item()
    recall = (guess[y_test == 1] == 1).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {accuracy:.3f}, recall {recall:.3f}")
