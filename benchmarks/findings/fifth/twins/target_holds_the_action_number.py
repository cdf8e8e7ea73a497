"""Q-learning of a walk along a corridor: four rooms to the right there is a prize."""

import copy
import random
from collections import deque

import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)
ROOMS, START, GAMMA = 9, 3, 0.9
LEFT, STAY, RIGHT = 0, 1, 2


def step(room, action):
    room = max(0, min(ROOMS - 1, room + action - 1))
    if room == ROOMS - 1:
        return room, 1.0, True
    if room == 0:
        return room, 0.2, True
    return room, -0.01, False


def as_input(rooms):
    return nn.functional.one_hot(torch.as_tensor(rooms), ROOMS).float()


class DQN:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(ROOMS, 24), nn.ReLU(), nn.Linear(24, 3))
        self.frozen = copy.deepcopy(self.net)
        self.memory = deque(maxlen=2000)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=5e-3)

    def act(self, room, epsilon):
        if random.random() < epsilon:
            return random.randrange(3)
        with torch.no_grad():
            return self.net(as_input([room])).argmax().item()

    def learn(self):
        room, action, reward, after, done = zip(*random.sample(self.memory, 32))
        reward, done = torch.tensor(reward), torch.tensor(done).float()
        with torch.no_grad():
            best = self.frozen(as_input(after)).max(dim=1).values
            target = reward + GAMMA * (1 - done) * best
        q = self.net(as_input(room)).gather(1, torch.tensor(action)[:, None]).squeeze(1)
        loss = nn.functional.smooth_l1_loss(q, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def episode(agent, epsilon, learn=True):
    room, total = START, 0.0
    for _ in range(25):
        action = agent.act(room, epsilon)
        after, reward, done = step(room, action)
        total += reward
        if learn:
            agent.memory.append((room, action, reward, after, done))
            if len(agent.memory) >= 64:
                agent.learn()
        room = after
        if done:
            break
    return total


agent = DQN()
for number in range(1, 121):
    episode(agent, epsilon=max(0.1, 1 - number / 60))
    if number % 5 == 0:
        agent.frozen.load_state_dict(agent.net.state_dict())
    if number % 30 == 0:
        print(f"after {number} walks: {episode(agent, 0.0, learn=False):.2f}")
with torch.no_grad():
    print("values of the rooms", agent.net(as_input(range(ROOMS))).max(1).values.numpy().round(2))
