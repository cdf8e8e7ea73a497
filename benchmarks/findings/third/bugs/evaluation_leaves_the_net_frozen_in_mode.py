import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
tr, va = order[:300], order[300:]
# The labels of the students' hands are not all right.
noisy = torch.where(torch.rand(len(y)) < 0.4, torch.randint(0, 10, (len(y),)), y)


class Runner:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Dropout(0.7), nn.Linear(512, 10))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=2e-3)
        self.loss = nn.CrossEntropyLoss()

    def validate(self):
        self.net.eval()
        with torch.no_grad():
            out = self.net(x[va])
        return self.loss(out, y[va]).item(), (out.argmax(1) == y[va]).float().mean().item()

    def run(self, epochs=60):
        self.net.train()
        for epoch in range(epochs):
            for part in tr[torch.randperm(len(tr))].split(25):
                self.opt.zero_grad()
                loss = self.loss(self.net(x[part]), noisy[part])
                loss.backward()
                self.opt.step()
            if epoch % 10 == 9:
                print(
                    "epoch",
                    epoch,
                    "train %.4f" % loss.item(),
                    "val %.3f acc %.3f" % self.validate(),
                )


Runner().run()
