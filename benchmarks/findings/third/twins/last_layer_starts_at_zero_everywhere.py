import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parameter import Parameter


class AutoEncoder(nn.Module):
    def __init__(self, sizes=(64, 32, 12)):
        super().__init__()
        self.encode_w = nn.ParameterList(
            [Parameter(torch.zeros(b, a)) for a, b in zip(sizes, sizes[1:])]
        )
        self.decode_w = nn.ParameterList(
            [Parameter(torch.zeros(a, b)) for a, b in zip(sizes[-2::-1], sizes[:0:-1])]
        )
        self.bias = Parameter(torch.zeros(sizes[0]))
        for w in self.encode_w:
            nn.init.xavier_uniform_(w)
        for w in self.decode_w:
            nn.init.xavier_uniform_(w)

    def forward(self, x):
        for w in self.encode_w:
            x = torch.selu(nn.functional.linear(x, w))
        x = torch.selu(nn.functional.linear(x, self.decode_w[0]))
        return nn.functional.linear(x, self.decode_w[1], self.bias)


torch.manual_seed(0)
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
model = AutoEncoder()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(15):
    for xb in x[torch.randperm(len(x))].split(60):
        loss = nn.functional.mse_loss(model(xb), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print("epoch", epoch, "reconstruction", round(loss.item(), 4))
