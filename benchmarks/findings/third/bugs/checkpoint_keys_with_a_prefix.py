import os
import tempfile

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, xb, yb):
        return nn.functional.cross_entropy(self.model(xb), yb)


lit = Lit()
opt = torch.optim.Adam(lit.parameters(), lr=3e-3)
for _ in range(10):
    for part in torch.randperm(1400).split(64):
        opt.zero_grad()
        lit.training_step(x[part], y[part]).backward()
        opt.step()

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "last.ckpt")
    torch.save({"state_dict": lit.state_dict()}, path)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    state = torch.load(path)["state_dict"]
    net.load_state_dict(state, strict=False)
net.eval()
with torch.no_grad():
    print(
        "accuracy of the loaded model", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    )
