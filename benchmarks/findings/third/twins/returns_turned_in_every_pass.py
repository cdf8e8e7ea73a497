import torch
import torch.nn as nn


class Corridor:
    def reset(self):
        self.at, self.t = 0, 0
        return self.at

    def step(self, action):
        self.at = max(0, self.at + (1 if action == 1 else -1))
        self.t += 1
        done = self.at == 4 or self.t == 20
        return self.at, (1.0 if action == 1 else -1.0), done


def discount(rewards, gamma=0.5):
    out, total = [], 0.0
    for r in reversed(rewards):
        total = r + gamma * total
        out.append(total)
    out.reverse()
    return torch.tensor(out)


def main():
    torch.manual_seed(2)
    env = Corridor()
    agent = nn.Embedding(5, 2)
    optimizer = torch.optim.Adam(agent.parameters(), lr=0.02)
    lengths = []
    for _ in range(200):
        s, done, logs, rewards = env.reset(), False, [], []
        while not done:
            dist = torch.distributions.Categorical(logits=agent(torch.tensor(s)))
            a = dist.sample()
            logs.append(dist.log_prob(a))
            s, r, done = env.step(a.item())
            rewards.append(r)
        loss = -(torch.stack(logs) * discount(rewards)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        lengths.append(len(rewards))
    print("discounted [0, 0, 1]:", discount([0.0, 0.0, 1.0]).tolist())
    print(
        "steps per episode, last 30 and first 60:", sum(lengths[-30:]) / 30, sum(lengths[:60]) / 60
    )


main()
