"""Dueling DQN in a small maze, tried with several speeds tau of the slow network."""

import copy
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE, GOAL, PITS = 5, (4, 4), {(1, 3), (2, 1), (3, 3)}
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Duel(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(SIZE * SIZE, 32), nn.ReLU())
        self.value = nn.Linear(32, 1)
        self.advantage = nn.Linear(32, 4)

    def forward(self, x):
        h = self.body(x)
        a = self.advantage(h)
        return self.value(h) + a - a.mean(dim=1, keepdim=True)


def encode(pos):
    x = torch.zeros(SIZE * SIZE)
    x[pos[0] * SIZE + pos[1]] = 1.0
    return x


def move(pos, action):
    if random.random() < 0.1:
        action = random.randrange(4)
    dr, dc = MOVES[action]
    new = (min(max(pos[0] + dr, 0), SIZE - 1), min(max(pos[1] + dc, 0), SIZE - 1))
    if new == GOAL:
        return new, 1.0, True
    return (new, -1.0, True) if new in PITS else (new, -0.02, False)


def run(tau, episodes=120, gamma=0.95):
    random.seed(1)
    torch.manual_seed(1)
    model = Duel()
    target_model = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    memory, returns = [], []
    for episode in range(episodes):
        pos, done, total, steps = (0, 0), False, 0.0, 0
        while not done and steps < 40:
            with torch.no_grad():
                q = model(encode(pos)[None])
            explore = random.random() < max(0.05, 1 - episode / 60)
            action = random.randrange(4) if explore else q.argmax().item()
            new, reward, done = move(pos, action)
            memory.append((encode(pos), action, reward, encode(new), float(done)))
            pos, total, steps = new, total + reward, steps + 1

            batch = random.sample(memory, min(len(memory), 32))
            pre, acts, rews, post, dones = zip(*batch)
            prestates, poststates = torch.stack(pre), torch.stack(post)
            with torch.no_grad():
                qpost = model(poststates)
            goal = torch.tensor(rews) + gamma * qpost.max(1).values * (1 - torch.tensor(dones))
            qpre = model(prestates)[torch.arange(len(batch)), list(acts)]
            loss = F.mse_loss(qpre, goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for slow, fast in zip(target_model.parameters(), model.parameters()):
                    slow.lerp_(fast, tau)
        returns.append(total)
    return sum(returns[-40:]) / 40, loss.item()


for tau in (0.01, 0.1):
    score, loss = run(tau)
    print(f"tau {tau}: return of the last 40 episodes {score:.4f}, last loss {loss:.6f}")
