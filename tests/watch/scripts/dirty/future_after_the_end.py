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


class Memory:
    def __init__(self):
        self.rows = []

    def sample(self, count):
        rooms, actions, rewards, following, over = zip(*random.sample(self.rows, count))
        over = torch.tensor(over, dtype=torch.float32)
        return see(rooms), torch.tensor(actions), torch.tensor(rewards), see(following), over


class Agent:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(ROOMS, 16), nn.ReLU(), nn.Linear(16, 2))
        self.slow = nn.Sequential(nn.Linear(ROOMS, 16), nn.ReLU(), nn.Linear(16, 2))
        self.slow.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=5e-3)

    def learn(self, memory):
        rooms, actions, rewards, following, over = memory.sample(32)
        ahead = self.slow(following).max(dim=1)[0].detach()
        wanted = rewards + 0.9 * ahead  # <- Q101
        values = self.net(rooms).gather(1, actions[:, None]).squeeze(1)
        loss = F.mse_loss(values, wanted)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


memory, agent, room = Memory(), Agent(), 0
for step in range(200):
    action = random.randrange(2)
    following, reward, over = walk(room, action)
    memory.rows.append((room, action, reward, following, over))
    room = 0 if over else following
    if step > 60:
        agent.learn(memory)
    if step % 20 == 0:
        agent.slow.load_state_dict(agent.net.state_dict())
