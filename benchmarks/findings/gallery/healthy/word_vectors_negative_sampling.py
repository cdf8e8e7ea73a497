import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
centre = torch.randint(0, 50, (3000,))
context = (centre + torch.randint(1, 3, (3000,))) % 50
loader = DataLoader(TensorDataset(centre, context), batch_size=100, shuffle=True)
inside, outside = nn.Embedding(50, 8), nn.Embedding(50, 8)
optimizer = torch.optim.Adam([*inside.parameters(), *outside.parameters()], lr=1e-2)
for epoch in range(3):
    for c, o in loader:
        negative = torch.randint(0, 50, (len(c), 5))
        u = inside(c)
        positive_score = (u * outside(o)).sum(1)
        negative_score = (outside(negative) @ u.unsqueeze(2)).squeeze(2)
        loss = -(F.logsigmoid(positive_score).mean() + F.logsigmoid(-negative_score).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
