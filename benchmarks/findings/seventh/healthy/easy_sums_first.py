"""A curriculum: short sums before long ones, in an order that is kept on purpose."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

SEED = 18
torch.manual_seed(SEED)
LEN = 12


def sums(n, longest):
    length = torch.randint(2, longest + 1, (n,))
    digits = torch.randint(0, 5, (n, LEN))
    mask = torch.arange(LEN)[None] < length[:, None]
    digits = digits * mask
    return digits, length, digits.sum(1).float() / 10


class Adder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(5, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, 1)

    def forward(self, digits, length):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(digits), length, batch_first=True, enforce_sorted=False
        )
        return self.out(self.rnn(packed)[1][-1]).squeeze(1)


digits, length, target = sums(4000, LEN)
order = length.argsort(stable=True)
in_order = TensorDataset(digits[order], length[order], target[order])
test = sums(500, LEN)
model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    # two passes from short to long, then as they come
    for xb, lb, tb in DataLoader(in_order, batch_size=64, shuffle=epoch >= 2):
        loss = F.smooth_l1_loss(model(xb, lb), tb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        error = (model(test[0], test[1]) - test[2]).abs().mean() * 10
    print(f"epoch {epoch} mean error of the sum {error:.2f} (spread {test[2].std() * 10:.2f})")
