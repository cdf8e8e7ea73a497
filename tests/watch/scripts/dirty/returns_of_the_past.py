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


from torch.distributions import Categorical

policy = nn.Linear(ROOMS, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)


def episode():
    logs, rewards, room = [], [], 2
    for _ in range(12):
        choice = Categorical(logits=policy(see(room)))
        action = choice.sample()
        logs.append(choice.log_prob(action))
        room, reward, over = walk(room, action.item())
        rewards.append(reward - 0.1 * (room == 0))
    return logs, rewards


def discounted(rewards):
    sums, running = [], 0.0
    for reward in rewards:
        running = reward + 0.9 * running  # <- Q103
        sums.append(running)
    sums = torch.tensor(sums)
    return (sums - sums.mean()) / (sums.std() + 1e-8)


for _ in range(8):
    logs, rewards = episode()
    loss = -(torch.stack(logs) * discounted(rewards)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
