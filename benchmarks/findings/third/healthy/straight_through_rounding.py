import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.tensor(load_digits().data / 16).float()
enc, dec = nn.Linear(64, 24), nn.Linear(24, 64)
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=5e-3)
for epoch in range(15):
    for xb in x[torch.randperm(len(x))].split(50):
        p = torch.sigmoid(enc(xb))
        code = p + (p.round() - p).detach()
        loss = nn.functional.mse_loss(dec(code), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
print("reconstruction from 24 bits", loss.item())
