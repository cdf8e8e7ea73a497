"""Where the numbers of several processes come together."""

from __future__ import annotations

from typing import Any

import torch

from lamplighter.watch.taps.wrapping import Taps, Wrapper

# `DistributedDataParallel` itself uses none of these
COMBINING = ("allreduce", "reduce", "allgather", "_allgather", "all_gather", "gather", "send",
             "alltoall", "all_to_all")  # fmt: skip


def tap_collectives(taps: Taps) -> None:
    """The exchanges that a program starts, however it imported them."""
    if not torch.distributed.is_available():
        return
    stream = taps.stream
    group = torch.distributed.ProcessGroup

    def make(original: Wrapper) -> Wrapper:
        def exchange(self: Any, *args: Any, **kwargs: Any) -> Any:
            stream.tell("combined")
            return original(self, *args, **kwargs)

        return exchange

    for name in dir(group):
        if name.startswith(COMBINING) and callable(getattr(group, name)):
            taps.replace(group, name, make)
