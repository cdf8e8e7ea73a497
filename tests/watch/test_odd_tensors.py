"""Batches of tensors for which torch has little arithmetic, and arrays of very many rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lamplighter.watch import Watch
from lamplighter.watch.data.arrays import MOST_ALIKE, Array, origin_of, prints_of

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(0)
inputs = torch.randn(96, 4)
labels = torch.randint(0, 3, (96,))
rows = list(zip(inputs, labels))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, rows):
        return self.layer(plain(rows))


def laid(batch):
    return odd(torch.stack([x for x, _ in batch])), torch.stack([y for _, y in batch])


def train():
    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    train_loader = DataLoader(rows[:64], batch_size=16, shuffle=True, collate_fn=laid)
    val_loader = DataLoader(rows[64:], batch_size=16, collate_fn=laid)
    for _ in range(2):
        network.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print(sum((network(x).argmax(1) == y).sum().item() for x, y in val_loader) / 32)

"""
KINDS = {
    "sparse": ("x.to_sparse()", "x.to_dense()"),
    "compressed": ("x.to_sparse_csr()", "x.to_dense()"),
    "complex": ("torch.complex(x[:, :2], x[:, 2:])", "torch.view_as_real(x).flatten(1)"),
    "ragged": (
        "torch.nested.nested_tensor(list(x[:, None]), layout=torch.jagged)",
        "x.values()",
    ),
    "half": ("x.bfloat16()", "x.float()"),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", KINDS)
def test_no_watcher_fails_over_an_odd_batch(kind: str, run: Callable[[str], Watch]) -> None:
    """Every watcher hears to the end, whatever the loader's tensors are."""
    odd, plain = KINDS[kind]
    watching = run(f"odd = lambda x: {odd}\nplain = lambda x: {plain}\ntrain()\n")
    assert watching.steps == 8
    assert watching.faults == []


def test_rows_are_known_by_their_prints() -> None:
    """Equal rows have one print; another number, or the same ones at other places, have another."""
    rows = torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    one, same, *others = prints_of(rows)
    assert one == same
    assert len({one, *others}) == 3
    assert prints_of(rows.double()) == prints_of(rows)


def test_many_different_rows_have_different_prints() -> None:
    """Whole numbers, whose last bits are all zero, are told apart as well."""
    table = torch.cartesian_prod(*[torch.arange(16.0)] * 4)
    assert len(set(prints_of(table))) == 16**4


def test_batch_is_found_among_many_rows() -> None:
    """Its rows are found by their first number; a gap in a row hides none."""
    values = torch.rand(MOST_ALIKE + 1000, 2)
    values[5, 0] = float("nan")
    chosen = [400, 5, MOST_ALIKE + 7]
    origin = origin_of(values[chosen], [Array("values", values)])
    assert origin is not None
    assert origin.indices == chosen
