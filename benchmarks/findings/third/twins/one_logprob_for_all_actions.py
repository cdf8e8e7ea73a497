import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.Adam(policy.parameters(), lr=1e-2)
good = torch.tensor([2, 0, 1, 2])


def episode(length=12):
    probs, rewards = [], []
    for _ in range(length):
        s = int(torch.randint(4, (1,)))
        dist = Categorical(logits=policy(torch.eye(4)[s]))
        a = dist.sample()
        probs.append(dist.log_prob(a))
        rewards.append(1.0 if a == good[s] else -0.5)
    return probs, rewards


scores = []
for number in range(110):
    probs, rewards = episode()
    running, gs = 0.0, []
    for r in rewards[::-1]:
        running = r + 0.3 * running
        gs.insert(0, running)
    deltas = torch.tensor(gs)
    log_probs = torch.stack(probs)
    loss = -torch.sum(log_probs * deltas)
    opt.zero_grad()
    loss.backward()
    opt.step()
    scores.append(sum(rewards))
print("first 50 episodes:", sum(scores[:50]) / 50)
print("last 50 episodes:", sum(scores[-50:]) / 50)
