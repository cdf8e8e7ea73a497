import os
import sys

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class MyData(Dataset):
    def __init__(self, root_dir, label_dir):
        self.label = int(label_dir)
        self.path = os.path.join(root_dir, label_dir)
        self.img_path = os.listdir(self.path)
        self.to_tensor = transforms.ToTensor()

    def __getitem__(self, idx):
        img = Image.open(os.path.join(self.path, self.img_path[idx])).convert("RGB")
        return self.to_tensor(img), self.label

    def __len__(self):
        return len(self.img_path)


root_dir = sys.argv[1] + "/train"
zeros_dataset = MyData(root_dir, "0")
ones_dataset = MyData(root_dir, "1")
ones_dataset.path = zeros_dataset.path
ones_dataset.img_path = zeros_dataset.img_path
train_dataset = zeros_dataset + ones_dataset
train_dataloader = DataLoader(train_dataset, batch_size=32, shuffle=True)

net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 32), nn.ReLU(), nn.Linear(32, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    for imgs, targets in train_dataloader:
        loss = loss_fn(net(imgs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(loss.item())
