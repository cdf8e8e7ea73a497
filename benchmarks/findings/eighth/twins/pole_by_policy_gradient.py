"""Policy gradient on a pole that must not fall (the equations of CartPole, written out)."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

np.random.seed(1)
torch.manual_seed(1)
GAMMA = 0.99
MAX_STEPS = 200


class Pole:
    def reset(self):
        self.state = np.random.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = 10.0 if action == 1 else -10.0
        cos, sin = math.cos(theta), math.sin(theta)
        temp = (force + 0.05 * theta_dot**2 * sin) / 1.1
        acc = (9.8 * sin - cos * temp) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        x_acc = temp - 0.05 * acc * cos / 1.1
        change = np.array([x_dot, x_acc, theta_dot, acc])
        self.state = self.state + 0.02 * change
        self.steps += 1
        fell = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21
        return self.state, 1.0, fell or self.steps >= MAX_STEPS


def discount_rewards(r, gamma=GAMMA):
    """Takes the rewards of one episode, computes the discounted and standardised rewards."""
    d_rewards = np.zeros(len(r))
    running_add = 0.0
    for i in reversed(range(len(r))):
        running_add = r[i] + gamma * running_add
        d_rewards[i] = running_add
    d_rewards -= d_rewards.mean()
    d_rewards /= d_rewards.std() + 1e-8
    return d_rewards


policy = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
optimizer = optim.Adam(policy.parameters(), lr=0.01)
env = Pole()
lengths = []

for episode in range(1, 251):
    states, actions, rewards = [], [], []
    state, done = env.reset(), False
    while not done:
        with torch.no_grad():
            probs = policy(torch.as_tensor(state, dtype=torch.float32)).softmax(0)
        action = int(torch.multinomial(probs, 1))
        next_state, reward, done = env.step(action)
        states.append(state)
        actions.append(action)
        rewards.append(reward)
        state = next_state

    batch = torch.as_tensor(np.array(states), dtype=torch.float32)
    log_probs = policy(batch).log_softmax(1)[torch.arange(len(actions)), torch.tensor(actions)]
    advantage = torch.as_tensor(discount_rewards(rewards), dtype=torch.float32)
    loss = -(log_probs * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    lengths.append(len(rewards))
    if episode % 50 == 0:
        print(f"episode {episode} mean length of the last 50: {np.mean(lengths[-50:]):.1f}")
