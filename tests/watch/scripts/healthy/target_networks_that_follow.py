# ruff: noqa
import random

import torch
from torch import nn
from torch.nn import functional as F

random.seed(0)
torch.manual_seed(0)
ROOMS = 6


def walk(room, action):
    """Ends at the last room."""
    room = min(ROOMS - 1, max(0, room + (1 if action else -1)))
    return room, float(room == ROOMS - 1), room == ROOMS - 1


def see(room):
    return F.one_hot(torch.as_tensor(room), ROOMS).float()


import copy

net = nn.Sequential(nn.Linear(ROOMS, 16), nn.ReLU(), nn.Linear(16, 2))
soft, anew = copy.deepcopy(net), copy.deepcopy(net)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
memory, room = [], 0
for step in range(700):
    action = random.randrange(2)
    following, reward, over = walk(room, action)
    memory.append((room, action, reward, following, float(over)))
    room = 0 if over else following
    if step < 60:
        continue
    rooms, actions, rewards, nexts, ends = map(torch.tensor, zip(*random.sample(memory, 32)))
    with torch.no_grad():
        ahead = torch.minimum(soft(see(nexts)), anew(see(nexts))).max(1).values
        wanted = rewards + 0.9 * (1 - ends) * ahead
    loss = F.mse_loss(net(see(rooms)).gather(1, actions[:, None]).squeeze(1), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for mine, theirs in zip(soft.parameters(), net.parameters()):
        mine.data.mul_(0.99).add_(0.01 * theirs.data)
    if step % 100 == 0:
        anew = copy.deepcopy(net)
