import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset

SEED = 7
torch.manual_seed(SEED)


class Patients(Dataset):
    def __init__(self, features, progression):
        self.features = torch.as_tensor(features, dtype=torch.float32)
        self.progression = torch.as_tensor(progression, dtype=torch.float32)

    def __len__(self):
        return len(self.features)

    def __getitem__(self, i):
        return self.features[i], self.progression[i]


class Regressor(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1)
        )

    def forward(self, x):
        return self.layers(x)


def rmse(predicted, actual):
    return torch.sqrt(torch.mean((predicted - actual) ** 2))


X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED)
x_scaler = StandardScaler().fit(X_train)
mean, std = y_train.mean(), y_train.std()
train_set = Patients(x_scaler.transform(X_train), (y_train - mean) / std)
test_set = Patients(x_scaler.transform(X_test), (y_test - mean) / std)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)

model = Regressor(X.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)

for epoch in range(40):
    model.train()
    history = []
    for features, progression in train_loader:
        optimizer.zero_grad()
        output = model(features)
        loss = rmse(output, progression)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: train rmse {np.mean(history):.4f}")

model.eval()
with torch.no_grad():
    predicted = model(test_set.features).squeeze(1).numpy() * std + mean
residual = ((predicted - y_test) ** 2).sum()
r2 = 1 - residual / ((y_test - y_test.mean()) ** 2).sum()
print(f"test R2 {r2:.3f}, spread of predictions {predicted.std():.1f} (targets {y_test.std():.1f})")
