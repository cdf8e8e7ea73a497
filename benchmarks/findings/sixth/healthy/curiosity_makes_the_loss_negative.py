"""Actor and critic on a windy line, with a premium on entropy: the loss may well fall below zero."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(7)
LENGTH, LIMIT, GAMMA = 9, 30, 0.95


class ActorCritic(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(LENGTH, width), nn.Tanh())
        self.actor, self.critic = nn.Linear(width, 2), nn.Linear(width, 1)

    def forward(self, place):
        h = self.body(nn.functional.one_hot(place, LENGTH).float())
        return Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)


def walk(model, greedy=False):
    place, log_probs, values, rewards, entropies = torch.tensor(LENGTH // 2), [], [], [], []
    for _ in range(LIMIT):
        choice, value = model(place)
        step = choice.probs.argmax() if greedy else choice.sample()
        move = 1 if step == 1 else -1
        if torch.rand(1) < 0.2:  # the wind blows to the left
            move = -1
        place = (place + move).clamp(0, LENGTH - 1)
        arrived = place == LENGTH - 1
        log_probs.append(choice.log_prob(step))
        values.append(value)
        entropies.append(choice.entropy())
        rewards.append(1.0 if arrived else -0.02)
        if arrived:
            break
    return log_probs, values, rewards, entropies


model = ActorCritic()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for episode in range(1, 251):
    log_probs, values, rewards, entropies = walk(model)
    returns, ahead = [], 0.0
    for reward in reversed(rewards):
        ahead = reward + GAMMA * ahead
        returns.insert(0, ahead)
    returns, values = torch.tensor(returns), torch.stack(values)
    advantage = returns - values.detach()
    actor = -(torch.stack(log_probs) * advantage).mean()
    critic = (values - returns).pow(2).mean()
    loss = actor + 0.5 * critic - 0.05 * torch.stack(entropies).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 50 == 0:
        print(f"episode {episode}: loss {loss.item():.3f}, return {returns[0].item():.3f}")

with torch.no_grad():
    lengths = [len(walk(model, greedy=True)[2]) for _ in range(100)]
print(f"steps to the goal {sum(lengths) / 100:.1f} (without wind {LENGTH // 2})")
