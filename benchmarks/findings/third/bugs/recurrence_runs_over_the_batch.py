import torch
from torch import nn

torch.manual_seed(0)
steps = torch.arange(20) / 20.0
freq = 1 + 3 * torch.rand(800, 1)
phase = 6.28 * torch.rand(800, 1)
waves = torch.sin(6.28 * freq * steps + phase).unsqueeze(-1)
target = (freq.squeeze(1) > 2.5).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 24)
        self.fc = nn.Linear(24, 2)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(12):
    for part in torch.randperm(600).split(30):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(waves[part]), target[part])
        loss.backward()
        opt.step()
with torch.no_grad():
    print("accuracy %.3f" % (net(waves[600:]).argmax(1) == target[600:]).float().mean())
