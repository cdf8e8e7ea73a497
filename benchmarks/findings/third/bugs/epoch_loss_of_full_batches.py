import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class AverageMeter:
    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, val, n=1):
        self.sum += val * n
        self.count += n

    @property
    def avg(self):
        return self.sum / self.count


torch.manual_seed(0)
d = load_digits()
order = d.target.argsort(kind="stable")
x = torch.tensor(d.data[order] / 16).float()
y = torch.tensor(d.target[order])
keep = torch.cat([torch.arange(0, 1500), torch.arange(1700, 1708)])
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for part in torch.randperm(1500).repeat(5).split(50):
    opt.zero_grad()
    nn.functional.cross_entropy(model(x[part]), y[part]).backward()
    opt.step()
data_loader = DataLoader(TensorDataset(x[keep], y[keep]), batch_size=500)
losses, accuracy = AverageMeter(), AverageMeter()
model.eval()
with torch.no_grad():
    for data, target in data_loader:
        out = model(data)
        loss = nn.functional.cross_entropy(out, target)
        losses.update(loss.item(), data_loader.batch_size)
        accuracy.update((out.argmax(1) == target).float().mean().item(), data_loader.batch_size)
print(f"loss {losses.avg:.4f} accuracy {accuracy.avg:.4f}")
