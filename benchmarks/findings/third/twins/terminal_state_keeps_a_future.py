import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(0)
torch.manual_seed(0)
# Walk on a ring of 6 rooms; the last room pays 1 and ends the episode.
N = 6


class Buffer:
    def __init__(self):
        self.rows = []

    def put(self, row):
        self.rows.append(row)

    def sample(self, n):
        index = rng.integers(len(self.rows), size=n)
        s, a, r, s2, done = zip(*(self.rows[i] for i in index))
        done_mask = 1.0 - torch.tensor(done, dtype=torch.float32)
        return torch.tensor(s), torch.tensor(a), torch.tensor(r), torch.tensor(s2), done_mask


net, slow = nn.Embedding(N, 2), nn.Embedding(N, 2)
slow.load_state_dict(net.state_dict())
opt = torch.optim.Adam(net.parameters(), lr=0.02)
buf = Buffer()
s = 0
for t in range(2500):
    a = int(rng.integers(2))
    s2 = (s + 1) if a else max(s - 1, 0)
    end = s2 == N - 1
    buf.put((s, a, float(end), s2, end))
    if end:
        buf.put((s2, 0, 0.0, s2, True))
    s = 0 if end else s2
    if t > 64 and t % 2 == 0:
        S, A, R, S2, done_mask = buf.sample(32)
        goal = R + 0.95 * slow(S2).max(1)[0].detach() * done_mask
        loss = F.mse_loss(net(S)[torch.arange(32), A], goal)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if t % 50 == 0:
        slow.load_state_dict(net.state_dict())
print("Q of the rooms:", [round(v, 3) for v in net.weight.max(1)[0].tolist()])
print("largest possible return: 1.0, largest value:", round(net.weight.max().item(), 3))
