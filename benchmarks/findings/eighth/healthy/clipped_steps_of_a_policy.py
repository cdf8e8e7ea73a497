"""Proximal policy optimisation in a small world: several passes over what the old policy saw."""

import os

import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(int(os.environ.get("SEED", "0")))
N_ENVS, HORIZON, GAMMA, LAMBDA, CLIP = 16, 20, 0.97, 0.95, 0.2


class Chase:
    """Many copies of a 5x5 board: reach the goal; the episode then starts anew."""

    def __init__(self, n):
        self.n = n
        self.me, self.goal = torch.randint(0, 5, (2, n, 2)).unbind(0)

    def observe(self):
        return torch.cat([self.me, self.goal], dim=1).float() / 4 - 0.5

    def step(self, action):
        move = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])[action]
        self.me = (self.me + move).clamp(0, 4)
        done = (self.me == self.goal).all(1)
        fresh = torch.randint(0, 5, (2, self.n, 2))
        self.me = torch.where(done[:, None], fresh[0], self.me)
        self.goal = torch.where(done[:, None], fresh[1], self.goal)
        return done.float() - 0.05, done.float()


actor = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 4))
critic = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 1))
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=4e-3)
world = Chase(N_ENVS)

for update in range(60):
    seen, acts, logps, rewards, dones, values = [], [], [], [], [], []
    with torch.no_grad():
        for _ in range(HORIZON):
            obs = world.observe()
            policy = Categorical(logits=actor(obs))
            action = policy.sample()
            reward, done = world.step(action)
            for store, item in zip(
                (seen, acts, logps, rewards, dones, values),
                (obs, action, policy.log_prob(action), reward, done, critic(obs).squeeze(1)),
            ):
                store.append(item)
        value_next, advantage = critic(world.observe()).squeeze(1), torch.zeros(N_ENVS)
        advantages = []
        for t in reversed(range(HORIZON)):
            delta = rewards[t] + GAMMA * (1 - dones[t]) * value_next - values[t]
            advantage = delta + GAMMA * LAMBDA * (1 - dones[t]) * advantage
            advantages.insert(0, advantage)
            value_next = values[t]
    seen, acts, logps = torch.cat(seen), torch.cat(acts), torch.cat(logps)
    advantages, values = torch.cat(advantages), torch.cat(values)
    returns = advantages + values
    advantages = (advantages - advantages.mean()) / advantages.std()

    for _ in range(4):
        for idx in torch.randperm(len(acts)).split(80):
            policy = Categorical(logits=actor(seen[idx]))
            ratio = (policy.log_prob(acts[idx]) - logps[idx]).exp()
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            actor_loss = -torch.min(ratio * advantages[idx], clipped * advantages[idx]).mean()
            critic_loss = (critic(seen[idx]).squeeze(1) - returns[idx]).pow(2).mean()
            loss = actor_loss + 0.5 * critic_loss - 0.01 * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if update % 10 == 9:
        print(
            f"update {update + 1} goals per step {torch.stack(dones).mean():.3f} loss {loss.item():+.3f}"
        )
