import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.tensor(load_digits().data / 16).float()


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.empty(16, 64))
        nn.init.xavier_uniform_(self.w)
        self.b, self.c = nn.Parameter(torch.zeros(16)), nn.Parameter(torch.zeros(64))

    def forward(self, x):
        h = torch.relu(nn.functional.linear(x, self.w, self.b))
        return nn.functional.linear(h, self.w.t(), self.c)


net = Tied()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    for xb in x[torch.randperm(len(x))].split(50):
        loss = nn.functional.mse_loss(net(xb), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
print("reconstruction", loss.item())
