"""REINFORCE with normalised returns and a loss summed over the episode."""

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

SEED = 4
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
eps = np.finfo(np.float32).eps.item()


class Balance:
    def reset(self):
        self.x, self.v, self.t = rng.uniform(-0.2, 0.2), 0.0, 0
        return self.state()

    def state(self):
        return torch.tensor([self.x, self.v], dtype=torch.float32)

    def step(self, action):
        self.v = 0.9 * self.v + 0.1 * self.x + (0.07 if action == 1 else -0.07)
        self.x += self.v
        self.t += 1
        return self.state(), 1.0, abs(self.x) > 1 or self.t >= 60


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        self.saved_log_probs, self.rewards = [], []

    def forward(self, x):
        return self.net(x).softmax(-1)


policy, env = Policy(), Balance()
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)


def select_action(state):
    m = Categorical(policy(state))
    action = m.sample()
    policy.saved_log_probs.append(m.log_prob(action))
    return action.item()


def finish_episode(gamma=0.95):
    R, returns = 0, []
    for r in policy.rewards[::-1]:
        R = r + gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    loss = torch.stack([-lp * R for lp, R in zip(policy.saved_log_probs, returns)]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    del policy.rewards[:], policy.saved_log_probs[:]


running = 10.0
for episode in range(300):
    state, done, steps = env.reset(), False, 0
    while not done:
        state, reward, done = env.step(select_action(state))
        policy.rewards.append(reward)
        steps += 1
    running = 0.05 * steps + 0.95 * running
    finish_episode()
    if episode % 50 == 49:
        print(f"episode {episode + 1} last length {steps} average length {running:.1f}")
