import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
weights = torch.randn(6, 4)


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.Tanh())
        self.policy = nn.Linear(32, 4)
        self.value = nn.Linear(6, 1)

    def forward(self, state):
        h = self.body(state)
        return self.policy(h), self.value(state)


def reward(state, action):
    pay = state @ weights
    return pay.gather(1, action[:, None]).squeeze(1) + 8 * state[:, 0]


net = ActorCritic()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(400):
    state = torch.randn(32, 6)
    logits, value = net(state)
    action = logits.softmax(1).multinomial(1).squeeze(1)
    returns = reward(state, action)
    value_loss = F.mse_loss(value.squeeze(-1), returns)
    advantage = returns - value.detach()
    log_prob = F.log_softmax(logits, dim=1)[range(32), action]
    policy_loss = -(advantage * log_prob).mean()
    optimizer.zero_grad()
    (policy_loss + value_loss).backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: reward {returns.mean().item():.3f}")

with torch.no_grad():
    state = torch.randn(4000, 6)
    choice = net(state)[0].argmax(1)
    best = (state @ weights).argmax(1)
print("best action chosen", (choice == best).float().mean().item())
