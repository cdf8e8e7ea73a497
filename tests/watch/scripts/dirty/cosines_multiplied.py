"""Each row shall find its own key, by cosines that are multiplied with the temperature."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
HEAT = torch.tensor(0.1)
keys = nn.Linear(8, 6)
queries = nn.Linear(10, 6)
optimizer = torch.optim.Adam([*keys.parameters(), *queries.parameters()], lr=1e-2)
for _ in range(6):
    one, other = torch.randn(24, 8), torch.randn(24, 10)
    a, b = keys(one), queries(other)
    a = a / a.norm(dim=1, keepdim=True)
    b = b / b.norm(dim=1, keepdim=True)
    near = torch.mm(a, b.t())
    scores = HEAT * near  # <- L121: cosines times 0.1
    loss = cross_entropy(scores, torch.arange(24))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
