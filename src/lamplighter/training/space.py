"""How many examples of a step fit into memory at once, found before the first step.

A GPU that is full raises an error, after which the batch is cut. On a CPU the system ends the
process without a word, so what a step will hold is foreseen from two examples.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lamplighter.data.batches import Batch, chunks
from lamplighter.listener import Listener
from lamplighter.machine import memory, undisturbed
from lamplighter.training.loop import training_loss
from lamplighter.training.parts import Parts

PROBED = 2  # examples; batch normalisation needs more than one
SHARE = 0.8  # of what is free: the data and the rest of the machine want some, too
# bytes at the height of a step for each byte that the forward pass saves for the backward pass:
# beside these there are gradients of layers' outputs and what the kernels work on (see docs/speed.md)
HEIGHT = 1.5
# bytes beside each byte of parameters: its gradient, and two numbers of Adam
BESIDE = 3


def fit_to_memory(parts: Parts, listener: Listener) -> None:
    """Cuts each step's batch into as many parts as the memory asks for, and says so.

    Networks that cannot answer for two examples, or whose batches are not cut by their first
    dimension, are left alone. Only on CPUs; elsewhere running out of memory is an error and is
    met when it comes.
    """
    if parts.device.type != "cpu":
        return
    with undisturbed():
        batch = next(iter(parts.train.epoch(1)), None)
        if batch is None or batch.size <= PROBED:
            return
        try:
            each = saved_bytes(parts, next(chunks([batch], PROBED))) / PROBED
        except Exception:  # whatever is wrong with the network or the batch is told by the checks
            return
    free = memory()[1]
    most = examples_at_once(each, parts.module, free)
    if most >= batch.size:
        return
    parts.micro = most
    listener.warn(
        f"a step on {batch.size} examples would hold some {batch.size * each * HEIGHT / 2**30:.1f} GiB, "
        f"and {free / 2**30:.1f} GiB are free: each step works on {most} at a time and adds up "
        "their gradients, so a step is the same; only batch normalisation sees smaller batches"
    )


def examples_at_once(each: float, module: nn.Module, free: int) -> int:
    """How many examples the memory has room for, at least one.

    Args:
        each: bytes that the forward pass saves for one.
        module: its parameters get gradients and an optimizer's state.
        free: bytes.
    """
    own = sum(p.numel() * p.element_size() for p in module.parameters())
    room = SHARE * free - BESIDE * own
    return max(1, int(room / max(1.0, each * HEIGHT)))


def saved_bytes(parts: Parts, batch: Batch) -> int:
    """Bytes of tensors that a forward pass keeps for its backward pass, without the parameters.

    It is made by a copy of the network, so that no buffer moves.
    """
    module = copy.deepcopy(parts.module)
    module.train()
    blocks: dict[int, int] = {}  # several layers may save one tensor, or views of it

    def note(saved: Tensor) -> Tensor:
        address = saved.untyped_storage().data_ptr()
        blocks[address] = max(saved.nbytes, blocks.get(address, 0))
        return saved

    kept = torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved)
    with kept, parts.precision.forward():
        loss = training_loss(parts, batch.call(module), batch.targets)
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    taken = sum(size for address, size in blocks.items() if address not in own)
    del loss  # until here it held the graph, and so each address stood for one tensor
    return taken
