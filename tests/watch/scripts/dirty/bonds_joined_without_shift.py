"""Molecules are joined as they are, their bonds as rows of two numbers."""

import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)


def molecule(number):
    atoms = 5 + number % 4
    chain = torch.arange(atoms - 1)
    return torch.randn(atoms, 3), torch.stack([chain, chain + 1], 1), torch.randn(())


def join(molecules):
    size = torch.tensor([len(m[0]) for m in molecules])
    belongs = torch.arange(len(molecules)).repeat_interleave(size)
    bonds = torch.cat([m[1] for m in molecules])  # <- M104: points beyond node 7
    energy = torch.stack([m[2] for m in molecules])
    return torch.cat([m[0] for m in molecules]), bonds, belongs, energy


class Molecules(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 8), nn.Linear(8, 1)

    def forward(self, atoms, bonds, belongs):
        seen = atoms.index_add(0, bonds[:, 1], atoms[bonds[:, 0]])
        rows = self.outer(torch.relu(self.inner(seen)))[:, 0]
        return torch.zeros(int(belongs.max()) + 1).index_add(0, belongs, rows)


net = Molecules()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loader = DataLoader([molecule(n) for n in range(48)], batch_size=8, collate_fn=join, shuffle=True)
for _ in range(2):
    for atoms, bonds, belongs, energy in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(atoms, bonds, belongs), energy).backward()
        optimizer.step()
