import random

import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)
LENGTH = 8


def encode(s):
    return nn.functional.one_hot(torch.as_tensor(s), LENGTH).float()


def step(s, a):
    s2 = min(LENGTH - 1, s + 1) if a == 1 else max(0, s - 1)
    done = s2 == LENGTH - 1
    return s2, (1.0 if done else 0.0), done


q = nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 2))
target = nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 2))


def update_target():
    target.load_state_dict(q.state_dict())


update_target()
opt = torch.optim.Adam(q.parameters(), lr=5e-3)
memory = []
s = 0
for t in range(3000):
    a = random.randrange(2)
    s2, r, done = step(s, a)
    memory.append((s, a, r, s2, float(done)))
    s = random.randrange(LENGTH - 1) if done or t % 20 == 0 else s2
    if t > 100 and t % 3 == 0:
        batch = random.sample(memory, 32)
        S, A, R, S2, D = (torch.tensor(v) for v in zip(*batch))
        with torch.no_grad():
            goal = R + 0.9 * (1 - D) * target(encode(S2)).max(1).values
        value = q(encode(S)).gather(1, A.unsqueeze(1)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(value, goal)
        opt.zero_grad()
        loss.backward()
        opt.step()
s, reward, steps = 0, 0.0, 0
while steps < 30 and reward == 0:
    with torch.no_grad():
        s, reward, _ = step(s, int(q(encode(s)).argmax()))
    steps += 1
with torch.no_grad():
    print("value of the start", q(encode(0)).max().item(), "true", 0.9 ** (LENGTH - 2))
print("reward", reward, "in", steps, "steps")
