"""A2C with generalised advantages in many copies of a small corridor."""

import torch
import torch.nn as nn

torch.manual_seed(31)
N_ENVS, T, CELLS = 32, 24, 8


class Corridors:
    """Walk right to the prize; every step costs, and the floor is slippery."""

    def __init__(self):
        self.pos = torch.randint(0, CELLS - 1, (N_ENVS,))

    def states(self):
        return nn.functional.one_hot(self.pos, CELLS).float()

    def step(self, actions):
        slip = torch.rand(N_ENVS) < 0.4
        move = torch.where(slip, torch.randint(0, 2, (N_ENVS,)), actions) * 2 - 1
        self.pos = (self.pos + move).clamp(0, CELLS - 1)
        done = self.pos == CELLS - 1
        reward = torch.where(done, 3.0, -0.1)
        self.pos = torch.where(done, torch.randint(0, CELLS - 1, (N_ENVS,)), self.pos)
        return self.states(), reward, 1.0 - done.float()


class A2C(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(CELLS, 32), nn.Tanh(), nn.Linear(32, 1))
        self.actor = nn.Sequential(nn.Linear(CELLS, 32), nn.Tanh(), nn.Linear(32, 2))
        self.critic_optim = torch.optim.RMSprop(self.critic.parameters(), lr=5e-3)
        self.actor_optim = torch.optim.RMSprop(self.actor.parameters(), lr=1e-3)

    def act(self, x):
        dist = torch.distributions.Categorical(logits=self.actor(x))
        action = dist.sample()
        return action, dist.log_prob(action), self.critic(x).squeeze(-1), dist.entropy()

    def get_losses(self, rewards, log_probs, values, entropy, masks, gamma=0.95, lam=0.2):
        advantages = torch.zeros(T, N_ENVS)
        gae = torch.zeros(N_ENVS)
        for t in reversed(range(T - 1)):
            td_error = rewards[t] + gamma * masks[t] * values[t + 1] - values[t]
            gae = td_error + gamma * lam * masks[t] * gae
            advantages[t] = gae
        critic_loss = advantages.pow(2).mean()
        actor_loss = -(advantages.detach() * log_probs).mean() - 0.01 * entropy.mean()
        return critic_loss, actor_loss


envs, agent = Corridors(), A2C()
states = envs.states()
for update in range(200):
    record = []
    for _ in range(T):
        action, log_prob, value, entropy = agent.act(states)
        states, reward, mask = envs.step(action)
        record.append((reward, log_prob, value, entropy, mask))
    rewards, log_probs, values, entropy, masks = (torch.stack(r) for r in zip(*record))
    critic_loss, actor_loss = agent.get_losses(rewards, log_probs, values, entropy, masks)
    for optim, loss in ((agent.critic_optim, critic_loss), (agent.actor_optim, actor_loss)):
        optim.zero_grad()
        loss.backward()
        optim.step()
    if update % 50 == 49:
        print(f"update {update + 1}: reward {rewards.mean():.3f} critic loss {critic_loss:.3f}")

# what the critic says against what really comes
with torch.no_grad():
    said, discount, got = agent.critic(envs.states()).squeeze(-1), 1.0, torch.zeros(N_ENVS)
    alive, states = torch.ones(N_ENVS), envs.states()
    for _ in range(60):
        states, reward, mask = envs.step(agent.act(states)[0])
        got += discount * alive * reward
        alive, discount = alive * mask, discount * 0.95
print(f"mean value said {said.mean():.3f}, mean return {got.mean():.3f}")
print(f"error of the critic {(said - got).abs().mean():.3f}")
