import random

import torch
from torch import nn

CELLS, GAMMA = 6, 0.9


def step(cell, action):
    """Walk a corridor; the last cell is the goal and a walk begins anew from a random cell."""
    cell = max(0, cell + (1 if action else -1))
    if cell == CELLS - 1:
        return random.randrange(CELLS - 1), 1.0, True
    return cell, 0.0, False


def collect(n):
    memory, cell = [], 0
    for _ in range(n):
        action = random.randint(0, 1)
        following, reward, done = step(cell, action)
        memory.append((cell, action, reward, following, float(done)))
        cell = following
    return memory


random.seed(4)
torch.manual_seed(4)
eye = torch.eye(CELLS)
q_net = nn.Sequential(nn.Linear(CELLS, 32), nn.ReLU(), nn.Linear(32, 2))
target_net = nn.Sequential(nn.Linear(CELLS, 32), nn.ReLU(), nn.Linear(32, 2))
target_net.load_state_dict(q_net.state_dict())
optimizer = torch.optim.Adam(q_net.parameters(), lr=5e-3)
memory = collect(2000)

for update in range(700):
    s, a, r, s2, done = zip(*random.sample(memory, 64))
    states, next_states = eye[list(s)], eye[list(s2)]
    actions = torch.tensor(a).unsqueeze(1)
    rewards, dones = torch.tensor(r), torch.tensor(done)
    with torch.no_grad():
        future = target_net(next_states).max(1).values
        targets = rewards + GAMMA * future
    values = q_net(states).gather(1, actions).squeeze(1)
    loss = nn.functional.smooth_l1_loss(values, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if update % 30 == 0:
        target_net.load_state_dict(q_net.state_dict())

with torch.no_grad():
    best = q_net(eye[: CELLS - 1]).max(1).values
exact = torch.tensor([GAMMA**k for k in reversed(range(CELLS - 1))])
print("values  ", [round(v, 2) for v in best.tolist()])
print("expected", [round(v, 2) for v in exact.tolist()])
print(f"loss {loss.item():.4f}, mean error of the values {(best - exact).abs().mean():.3f}")
