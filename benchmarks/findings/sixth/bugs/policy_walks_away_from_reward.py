"""REINFORCE on a slot hall: four kinds of machines, the lamp on top tells which arm pays."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(26)
LAMPS, ARMS = 6, 4
PAYS = torch.rand(LAMPS, ARMS)
PAYS[torch.arange(LAMPS), torch.randint(0, ARMS, (LAMPS,))] += 1.0


def play(lamp, arm):
    return PAYS[lamp, arm] + 0.3 * torch.randn(len(lamp))


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LAMPS, 32), nn.Tanh(), nn.Linear(32, ARMS))

    def forward(self, lamp):
        return self.layers(nn.functional.one_hot(lamp, LAMPS).float())


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
baseline = 0.0
for episode in range(1, 401):
    lamp = torch.randint(0, LAMPS, (32,))
    choice = Categorical(logits=policy(lamp))
    arm = choice.sample()
    reward = play(lamp, arm)
    baseline = 0.9 * baseline + 0.1 * reward.mean().item()
    loss = (choice.log_prob(arm) * (reward - baseline)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 80 == 0:
        print(f"episode {episode}: mean reward {reward.mean().item():.3f}")

policy.eval()
with torch.no_grad():
    lamp = torch.arange(LAMPS)
    earned = PAYS[lamp, policy(lamp).argmax(1)].mean().item()
print(
    f"earned {earned:.3f}, at random {PAYS.mean().item():.3f}, at best {PAYS.max(1)[0].mean().item():.3f}"
)
