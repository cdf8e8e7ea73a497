"""What crosses to a GPU is written before it is read and kept until it was; proved without one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.training.feigned import Gpu, Stream, backward

from lamplighter.data.copy_stream import CopyStream, split

GPU = torch.device("cuda")


@pytest.mark.parametrize(
    ("without", "fault"),
    [((torch.Tensor, "record_stream"), "may give away"), ((Stream, "wait_stream"), "on its way")],
)
def test_a_copy_is_waited_for_where_it_is_read(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, without: tuple[Any, str], fault: str
) -> None:
    """By the GPU alone, and its memory stays until it was read; a copy without either is told here."""
    copied = CopyStream(GPU)
    assert (copied(torch.ones(2)) + 1).device.type == "cuda"
    assert (gpu.waits, gpu.pageable) == ([], [])
    there = torch.ones(2, device=GPU)
    assert copied(there) is there
    monkeypatch.setattr(*without, lambda *_: None)
    with pytest.raises(AssertionError, match=fault):
        copied(torch.ones(2)) + 1


def test_what_is_not_plain_stays_off_the_stream(gpu: Gpu) -> None:
    """A subclass keeps its type and a leaf its gradient: neither goes through `pin_memory`."""
    leaf = torch.ones(2, requires_grad=True)
    backward(CopyStream(GPU)(leaf).sum())
    assert leaf.grad is not None
    assert len(gpu.pageable) == 1


def test_on_the_cpu_nothing_is_copied() -> None:
    """A tensor that is there is the same tensor, and no stream is made."""
    copied = CopyStream(torch.device("cpu"))
    there = torch.ones(2)
    assert copied(there) is there
    rows = split(torch.arange(5), 2, torch.device("cpu"))
    assert [len(one.host) for one in rows] == [2, 2, 1]
    assert all(one.there is one.host for one in rows)


def test_devices_that_differ_are_seen(gpu: Gpu) -> None:
    """What is feigned refuses what a GPU refuses, and sees what a GPU is waited for."""
    with pytest.raises(Exception, match="same device"):
        torch.ones(2, device=GPU) + torch.ones(2)
    float(torch.ones((), device=GPU))
    torch.ones(2).to(GPU)
    torch.ones(4, device=GPU)[torch.arange(2)]
    assert len(gpu.waits) == 3
