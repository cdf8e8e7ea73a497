"""Vanilla policy gradient with a buffer, on a small frozen lake (reward at the far corner only)."""

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

LAKE = ["SFFF", "FHFH", "FFFH", "HFFG"]
MOVES = [(0, -1), (1, 0), (0, 1), (-1, 0)]


class FrozenLake:
    def reset(self):
        self.pos, self.t = (0, 0), 0
        return self.observe()

    def observe(self):
        o = np.zeros(16, dtype=np.float32)
        o[self.pos[0] * 4 + self.pos[1]] = 1
        return o

    def step(self, a):
        r, c = self.pos[0] + MOVES[a][0], self.pos[1] + MOVES[a][1]
        self.pos = (min(max(r, 0), 3), min(max(c, 0), 3))
        self.t += 1
        cell = LAKE[self.pos[0]][self.pos[1]]
        done = cell in "HG" or self.t >= 30
        return self.observe(), float(cell == "G"), done


class VPGBuffer:
    def __init__(self, gamma=0.98):
        self.gamma = gamma
        self.obs, self.act, self.rew, self.ret = [], [], [], []
        self.path_start = 0

    def store(self, obs, act, rew):
        self.obs.append(obs)
        self.act.append(act)
        self.rew.append(rew)

    def finish_path(self):
        running, returns = 0.0, []
        for rew in reversed(self.rew[self.path_start :]):
            running = rew + self.gamma * running
            returns.append(running)
        self.ret.extend(reversed(returns))
        self.path_start = len(self.rew)

    def get(self):
        ret = torch.as_tensor(self.ret, dtype=torch.float32)
        ret = (ret - ret.mean()) / (ret.std() + 1e-8)
        return torch.as_tensor(np.array(self.obs)), torch.as_tensor(self.act), ret


def train(epochs=40, steps_per_epoch=500, seed=0):
    torch.manual_seed(seed)
    env = FrozenLake()
    pi = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(pi.parameters(), lr=1e-2)

    for epoch in range(epochs):
        buf = VPGBuffer()
        o, r, d = env.reset(), 0.0, False
        arrived, episodes = 0, 0
        for t in range(steps_per_epoch):
            with torch.no_grad():
                a = Categorical(logits=pi(torch.as_tensor(o))).sample().item()
            buf.store(o, a, r)
            o, r, d = env.step(a)
            if d:
                buf.finish_path()
                arrived += r > 0
                episodes += 1
                o, r, d = env.reset(), 0.0, False
        buf.finish_path()

        obs, act, ret = buf.get()
        loss = -(Categorical(logits=pi(obs)).log_prob(act) * ret).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 5 == 4:
            print(
                f"epoch {epoch + 1:2d} loss {loss.item():+.3f} arrived in {arrived / episodes:.2f} of {episodes}"
            )


if __name__ == "__main__":
    train()
