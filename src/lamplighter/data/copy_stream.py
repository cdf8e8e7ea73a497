"""What crosses from the host to a GPU: page-locked, on a stream of its own, never waited for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PLAIN = (Tensor,)  # whatever else is derived from it would come out of `pin_memory` as a plain one


class CopyStream:
    """Copies tensors to a GPU while it computes; on any other device it is `tensor.to`.

    Nothing has to be read ahead for that. When the loop asks for its next batch, the step before is
    queued and not yet done; a copy on a stream that does not stand behind it runs beside it. So
    order, random numbers and errors of the loader stay where they are.

    Args:
        device: where the tensors are wanted.

    Source: torch.Tensor.record_stream, and "Use pinned memory buffers" in CUDA semantics.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None

    def __call__(self, tensor: Tensor) -> Tensor:
        """The tensor on the device, for whatever is queued from here on."""
        crosses = self.device.type == "cuda" and tensor.device.type == "cpu"
        plain = type(tensor) in PLAIN and tensor.layout == torch.strided
        if not crosses or not plain or tensor.requires_grad:
            return tensor.to(self.device, non_blocking=True)
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)
        # From pageable memory the copy would hold the host up. The pinned block is torch's, which
        # gives it to nobody else before the copy is done, and keeps it for the next batch.
        pinned = tensor.pin_memory()
        with torch.cuda.stream(self._stream):
            copied = pinned.to(self.device, non_blocking=True)
        computing = torch.cuda.current_stream(self.device)
        computing.wait_stream(self._stream)  # the GPU waits where it reads; the host does not
        # The memory belongs to the copy stream. Without this it would be free for the next copy as
        # soon as Python lets go of the batch, while the step that reads it may still be queued.
        copied.record_stream(computing)
        return copied


@dataclass(frozen=True)
class Rows:
    """The rows of a batch, on the host and on the device: a table is indexed where it lies.

    Moved for a whole epoch: a copy for each batch would wait until the device has done all steps
    that are queued.

    Args:
        host: int64 [B].
        there: the same on the device; on the CPU one and the same.
    """

    host: Tensor
    there: Tensor

    def of(self, table: Tensor) -> Tensor:
        """These rows of a table [N, …], where the table lies."""
        return table.index_select(0, self.host if table.device.type == "cpu" else self.there)


def split(rows: Tensor, batch: int, device: torch.device) -> list[Rows]:
    """An epoch's rows in batches, moved to the device once."""
    host = rows.split(batch)
    there = host if device.type == "cpu" else rows.to(device).split(batch)
    return [Rows(*pair) for pair in zip(host, there, strict=True)]
