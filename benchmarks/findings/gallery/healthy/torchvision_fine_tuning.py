import copy
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import models

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
x = F.interpolate(x[:320], size=(32, 32), mode="bilinear").repeat(1, 3, 1, 1)
x = (x - 0.45) / 0.23
y = (y[:320] > 4).long()
loaders = dict(
    train=DataLoader(TensorDataset(x[:256], y[:256]), batch_size=16, shuffle=True),
    val=DataLoader(TensorDataset(x[256:], y[256:]), batch_size=16),
)
model_ft = models.resnet18(weights=None)
model_ft.fc = nn.Linear(model_ft.fc.in_features, 2)
criterion = nn.CrossEntropyLoss()
optimizer_ft = torch.optim.SGD(model_ft.parameters(), lr=0.001, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer_ft, step_size=7, gamma=0.1)
best_acc, best = 0.0, None
for epoch in range(2):
    for phase in ("train", "val"):
        model_ft.train(phase == "train")
        running_loss, running_corrects = 0.0, 0
        for inputs, labels in loaders[phase]:
            optimizer_ft.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model_ft(inputs)
                _, preds = torch.max(outputs, 1)
                loss = criterion(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer_ft.step()
            running_loss += loss.item() * inputs.size(0)
            running_corrects += torch.sum(preds == labels.data)
        if phase == "train":
            scheduler.step()
        size = len(loaders[phase].dataset)
        acc = running_corrects.double() / size
        print(epoch, phase, running_loss / size, acc.item())
        if phase == "val" and acc > best_acc:
            best_acc, best = acc, copy.deepcopy(model_ft.state_dict())
if best is not None:
    model_ft.load_state_dict(best)
