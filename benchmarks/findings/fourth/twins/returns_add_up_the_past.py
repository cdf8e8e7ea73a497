import torch
from torch import nn
from torch.distributions import Categorical

SIZE, LIMIT, GAMMA = 7, 25, 0.95


class Corridor:
    """Left end: a small prize. Right end: a large one, further away."""

    def reset(self):
        self.place, self.time = 2, 0
        return self.observe()

    def observe(self):
        return nn.functional.one_hot(torch.tensor(self.place), SIZE).float()

    def step(self, action):
        self.place += 1 if action == 1 else -1
        self.time += 1
        if self.place == 0:
            return self.observe(), 0.2, True
        if self.place == SIZE - 1:
            return self.observe(), 1.0, True
        return self.observe(), -0.02, self.time >= LIMIT


def discounted(rewards):
    returns, running = [], 0.0
    for r in reversed(rewards):
        running = r + GAMMA * running
        returns.append(running)
    return torch.tensor(returns[::-1])


torch.manual_seed(5)
env = Corridor()
policy = nn.Linear(SIZE, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=0.05)
history = []
for episode in range(300):
    log_probs, rewards = [], []
    state, done = env.reset(), False
    while not done:
        choice = Categorical(logits=policy(state))
        action = choice.sample()
        log_probs.append(choice.log_prob(action))
        state, reward, done = env.step(action.item())
        rewards.append(reward)
    history.append(sum(rewards))
    advantage = discounted(rewards) - 0.3
    loss = -(torch.stack(log_probs) * advantage).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 60 == 59:
        print(f"episode {episode + 1}: mean return {sum(history[-60:]) / 60:.3f}")
