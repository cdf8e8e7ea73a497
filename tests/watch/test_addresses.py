"""Tensors that are known by where they lie, while memory is handed out again and again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import watch
from lamplighter.watch.identity import ByAddress


def laid_in(memory: bytearray, like: Tensor) -> Tensor:
    """A copy whose numbers begin where the memory begins, as when an allocator hands it out again."""
    tensor = torch.frombuffer(memory, dtype=like.dtype, count=like.numel()).view(like.shape)
    return tensor.copy_(like)


def test_what_is_gone_is_not_known_by_its_place() -> None:
    """A view that begins where its tensor begins is known with it; what is put there later is not."""
    memory, other = bytearray(4000), torch.ones(1000)
    tensor = laid_in(memory, other)
    kept = ByAddress(tensor)
    assert tensor in kept
    assert tensor[:3] in kept
    assert tensor[1:] not in kept
    assert other not in kept
    assert torch.ones(0) not in kept
    place = tensor.data_ptr()
    del tensor
    later = laid_in(memory, other)
    assert later.data_ptr() == place
    assert later not in kept
    kept.add(later)
    assert later in kept


def test_tensors_without_numbers_are_passed_over() -> None:
    """Within vmap, and where a tensor is sparse, nothing lies anywhere."""
    kept = ByAddress()

    def look(row: Tensor) -> Tensor:
        kept.add(row)
        assert row not in kept
        return row

    torch.vmap(look)(torch.ones(3, 4))
    kept.add(torch.eye(3).to_sparse())
    assert len(kept) == 0


@pytest.mark.parametrize("held_out", [True, False])
def test_memory_of_training_batches_hides_no_evaluation(held_out: bool) -> None:
    """R103: a batch is no training batch because it lies where one lay; nor is training data held out."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    inputs = torch.randn(256, 6)
    labels = (inputs[:, 0] > 0).long()
    memory, other = bytearray(32 * 6 * 4), bytearray(32 * 6 * 4)

    def learn(rows: Tensor, memory: bytearray) -> None:
        batch = laid_in(memory, inputs[rows])
        optimizer.zero_grad()
        F.cross_entropy(model(batch), labels[rows]).backward()
        optimizer.step()

    with watch() as watching:
        for rows in torch.arange(128).split(32):
            learn(rows, memory)
        learn(torch.arange(32), other)  # nothing of the batch before is needed any more
        rows = torch.arange(128, 160) if held_out else torch.arange(32)
        batch = laid_in(memory, inputs[rows])
        with torch.no_grad():
            F.cross_entropy(model(batch), labels[rows])
    assert watching.faults == []
    assert [f.code for f in watching.findings if f.code == "R103"] == ["R103"] * held_out
