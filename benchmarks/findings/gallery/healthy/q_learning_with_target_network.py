import copy
import os

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
q_net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.Adam(q_net.parameters(), lr=1e-3)
states = torch.randn(2000, 4)
actions = torch.randint(0, 2, (2000,))
rewards = (actions == (states[:, 0] > 0).long()).float()
following = torch.randn(2000, 4)
for step in range(100):
    pick = torch.randint(0, 2000, (64,))
    chosen = q_net(states[pick]).gather(1, actions[pick].unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        wanted = rewards[pick] + 0.9 * target_net(following[pick]).max(1).values
    loss = F.smooth_l1_loss(chosen, wanted)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(q_net.parameters(), 100)
    optimizer.step()
    if step % 20 == 0:
        target_net.load_state_dict(q_net.state_dict())
        print(step, loss.item())
