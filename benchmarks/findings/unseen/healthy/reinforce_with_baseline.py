import os

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# The policy loss is negative at times, rises at times, and the reward has no gradient.
weights = torch.randn(5, 3)
policy = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 3))
value = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam([*policy.parameters(), *value.parameters()], lr=5e-3)
for step in range(250):
    state = torch.randn(64, 5)
    chance = torch.distributions.Categorical(logits=policy(state))
    action = chance.sample()
    with torch.no_grad():
        reward = (state @ weights).gather(1, action.unsqueeze(1)).squeeze(1)
    baseline = value(state).squeeze(1)
    advantage = (reward - baseline).detach()
    loss = -(chance.log_prob(action) * advantage).mean() - 0.01 * chance.entropy().mean()
    loss = loss + F.mse_loss(baseline, reward)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.3f}, reward {reward.mean().item():.3f}")
