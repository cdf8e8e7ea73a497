import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(16, 32)
        self.rnn = nn.GRU(32, 32, batch_first=True)
        self.out = nn.Linear(32, 16, bias=False)
        self.out.weight = self.emb.weight

    def forward(self, x, h=None):
        y, h = self.rnn(self.emb(x), h)
        return self.out(y), h


stream = (torch.arange(6000) ** 2 // 3 % 16).view(20, 300)
net = LM()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    state = None
    for t in range(0, 280, 20):
        logits, state = net(stream[:, t : t + 20], state)
        state = state.detach()
        loss = nn.functional.cross_entropy(logits.transpose(1, 2), stream[:, t + 1 : t + 21])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    print("epoch", epoch, "perplexity", loss.exp().item())
