"""DQN on a ball that rolls away from the top of a hill: one point for every step on it."""

import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(0)
np.random.seed(0)
torch.manual_seed(0)


class Hill:
    def reset(self):
        self.x, self.v, self.t = np.random.uniform(-0.3, 0.3), 0.0, 0
        return np.array([self.x, self.v], dtype=np.float32)

    def step(self, action):
        self.v = 0.9 * self.v + 0.12 * self.x + (0.08 if action == 1 else -0.08)
        self.x += self.v + np.random.normal(0, 0.02)
        self.t += 1
        fell = abs(self.x) > 1.0
        return np.array([self.x, self.v], dtype=np.float32), 1.0, fell, self.t >= 60


class DQN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 2))

    def forward(self, x):
        return self.layers(x)


env, gamma = Hill(), 0.97
current_model, target_model = DQN(), DQN()
target_model.load_state_dict(current_model.state_dict())
optimizer = torch.optim.Adam(current_model.parameters(), lr=2e-3)
replay = deque(maxlen=5000)


def compute_td_loss(batch_size=64):
    state, action, reward, next_state, done = zip(*random.sample(replay, batch_size))
    state, next_state = torch.tensor(np.array(state)), torch.tensor(np.array(next_state))
    action, reward = torch.tensor(action), torch.tensor(reward)
    done = torch.tensor(done, dtype=torch.float32)
    q_value = current_model(state).gather(1, action.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        next_q = target_model(next_state).max(1).values
    expected_q = reward + gamma * next_q * (1 - done)
    loss = F.smooth_l1_loss(q_value, expected_q)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def play(epsilon, learn):
    state, steps, over = env.reset(), 0, False
    while not over:
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = current_model(torch.tensor(state)).argmax().item()
        next_state, reward, fell, time_out = env.step(action)
        over, steps = fell or time_out, steps + 1
        if learn:
            replay.append((state, action, reward, next_state, fell))
            if len(replay) > 200:
                compute_td_loss()
        state = next_state
    return steps


for episode in range(150):
    play(epsilon=max(0.05, 1 - episode / 60), learn=True)
    if episode % 5 == 0:
        target_model.load_state_dict(current_model.state_dict())
    if episode % 25 == 24:
        print(episode + 1, "mean steps", np.mean([play(0.0, learn=False) for _ in range(20)]))
print("final mean steps of 60:", np.mean([play(0.0, learn=False) for _ in range(60)]))
