import os
import random

import torch
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
random.seed(seed)
q, slow = nn.Embedding(6, 2), nn.Embedding(6, 2)
slow.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q.parameters(), lr=0.02)
memory, s = [], 0
for t in range(2500):
    a = random.randrange(2)
    s2 = s + 1 if a else max(0, s - 1)
    memory.append((s, a, float(s2 == 5), s2, float(s2 == 5)))
    s = 0 if s2 == 5 else s2
    if t > 50 and t % 2 == 0:
        S, A, R, S2, D = map(torch.tensor, zip(*random.sample(memory, 32)))
        with torch.no_grad():
            best = q(S2).argmax(1, keepdim=True)
            goal = R + 0.9 * (1 - D) * slow(S2).gather(1, best).squeeze(1)
        loss = nn.functional.smooth_l1_loss(q(S).gather(1, A[:, None]).squeeze(1), goal)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for p, o in zip(slow.parameters(), q.parameters()):
                p.mul_(0.98).add_(o, alpha=0.02)
print("values", [round(v, 2) for v in q.weight[:5].max(1).values.tolist()])
