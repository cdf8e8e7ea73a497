"""`--compile on`: training steps through torch.compile, tried on a copy before the training begins.

Only the step is compiled: validation, the artifact and every answer stay with the plain network, so
that `predict` says what validation measured. Building takes from seconds to minutes, which no short
measurement can hold against what later steps win; so `auto` leaves it off, and `lamp bench` is the
place to look before it is turned on.
"""

from __future__ import annotations

import copy
import time
from typing import cast

import torch
from torch import nn

from lamplighter.data.seeded import undisturbed
from lamplighter.listener import Listener
from lamplighter.training.measure_precision import one_pass
from lamplighter.training.parts import Parts

LOSS_APART = 0.01  # of the plain loss, on the first batch: further apart, and it stays plain


def compiled_network(parts: Parts, listener: Listener) -> nn.Module | None:
    """The network for training steps, sharing its weights; None where it cannot or must not be.

    Args:
        parts: as they are before the first step; nothing in them changes.
        listener: is told what was done, and why it was not.
    """
    started = time.perf_counter()
    with undisturbed():
        batch = next(iter(parts.train.epoch(1)), None)
        if batch is None:
            return None
        double = copy.deepcopy(parts.module).train()
        losses = []
        for module in (double, cast(nn.Module, torch.compile(double))):
            torch.manual_seed(0)  # dropout drops the same in both
            try:
                losses.append(one_pass(parts, module, batch, parts.precision))
            except Exception as error:
                if module is double:
                    raise
                first = str(error).strip().splitlines() or [""]
                listener.warn(
                    f"torch.compile cannot build this network here ({type(error).__name__}: "
                    f"{first[0]}); the training goes on without it"
                )
                return None
    apart = abs(losses[1] - losses[0]) / max(abs(losses[0]), 1e-6)
    if not apart <= LOSS_APART:  # True also for what is not a number
        listener.warn(
            f"compiled, the network's loss on the first batch is {losses[1]:.4g} instead of "
            f"{losses[0]:.4g}; the training goes on without torch.compile"
        )
        return None
    listener.say(
        f"torch.compile: built in {time.perf_counter() - started:.0f} s, the loss of the first batch "
        f"agrees within {max(apart, 1e-6):.1g}; validation stays plain"
    )
    return cast(nn.Module, torch.compile(parts.module))
