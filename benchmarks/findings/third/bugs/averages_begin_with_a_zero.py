import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
loaders = {
    "Train": DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=100, shuffle=True),
    "Test": DataLoader(TensorDataset(x[1200:], y[1200:]), batch_size=199),
}
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.CrossEntropyLoss()
fieldnames = ["Train_acc", "Test_acc", "Train_loss", "Test_loss"]
for epoch in range(8):
    summary = {name: [0] for name in fieldnames}
    for phase in ["Train", "Test"]:
        model.train(phase == "Train")
        for xb, yb in loaders[phase]:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "Train"):
                outputs = model(xb)
                loss = criterion(outputs, yb)
                if phase == "Train":
                    loss.backward()
                    optimizer.step()
            summary[f"{phase}_acc"].append((outputs.argmax(1) == yb).float().mean().item())
            summary[f"{phase}_loss"].append(loss.item())
    print(epoch, {name: round(float(np.mean(values)), 3) for name, values in summary.items()})
