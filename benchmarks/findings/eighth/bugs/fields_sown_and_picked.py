"""Policy gradient for a small farm: every day something is picked, or a field is sown for the autumn."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

np.random.seed(1)
torch.manual_seed(1)
GAMMA = 0.99
PICK, SOW = 0, 1


class Farm:
    """Ten days; picking gives a little at once, a sown field costs now and is worth most at the end."""

    def reset(self):
        self.day, self.sown = 0, 0
        return self.observe()

    def observe(self):
        return np.array([self.day / 10, self.sown / 10, 1.0])

    def step(self, action):
        reward = 0.1 if action == PICK else -0.1
        reward += 0.05 * np.random.randn()
        self.sown += action == SOW
        self.day += 1
        done = self.day == 10
        if done:
            reward += 0.8 * self.sown
        return self.observe(), reward, done


def discount_rewards(r, gamma=GAMMA):
    """Takes the rewards of one episode, gives them back discounted."""
    d_rewards = np.array([val * (gamma**i) for i, val in enumerate(r)])
    return d_rewards


policy = nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 2))
optimizer = optim.Adam(policy.parameters(), lr=0.01)
env = Farm()
harvests = []

for update in range(1, 101):
    states, actions, advantages = [], [], []
    for episode in range(8):
        state, done, rewards = env.reset(), False, []
        while not done:
            with torch.no_grad():
                probs = policy(torch.as_tensor(state, dtype=torch.float32)).softmax(0)
            action = int(torch.multinomial(probs, 1))
            states.append(state)
            actions.append(action)
            state, reward, done = env.step(action)
            rewards.append(reward)
        advantages.append(discount_rewards(rewards))
        harvests.append(sum(rewards))

    # each day is compared with the same day of the other episodes
    advantage = np.stack(advantages)
    advantage = (advantage - advantage.mean(axis=0)) / (advantage.std(axis=0) + 1e-8)
    advantage = torch.as_tensor(advantage.reshape(-1), dtype=torch.float32)
    batch = torch.as_tensor(np.array(states), dtype=torch.float32)
    log_probs = policy(batch).log_softmax(1)[torch.arange(len(actions)), torch.tensor(actions)]
    loss = -(log_probs * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if update % 20 == 0:
        print(
            f"update {update} mean harvest of the last 80 episodes: {np.mean(harvests[-80:]):.2f}"
        )
