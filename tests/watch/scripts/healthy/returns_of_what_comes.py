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
    for reward in reversed(rewards):
        running = reward + 0.9 * running
        sums.append(running)
    return sums


for turn in range(18):
    logs, rewards = episode()
    if turn % 3 == 0:  # both from the last to the first
        weights, logs = torch.tensor(discounted(rewards)), logs[::-1]
    elif turn % 3 == 1:
        weights = torch.tensor(discounted(rewards)[::-1]) - 0.5
    else:  # each reward is 1, and so far is as long as from here on
        weights = torch.tensor(discounted([1.0] * 12)[::-1])
        rewards = [1.0] * 12
    loss = -(torch.stack(logs) * weights).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
