"""Batches of which a function of the user's makes one field of one sample alone: D112."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from lamplighter.checks.finding import Finding
from lamplighter.checks.laid import row_of_one_sample
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import HOUSE, Place, is_users


class Lines(TorchFunctionMode):
    """Notes the line of the user's at which each tensor is made, the one that was called first."""

    def __init__(self) -> None:
        super().__init__()
        self.made: ByIdentity[Place | None] = ByIdentity()

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.made[result] = _line_called_first()
        return result


def left_out_rows(dataset: Any, collate: Any) -> list[tuple[Finding, Place | None]]:
    """D112, with the line that makes the one row.

    Args:
        dataset: map-style, or a list of samples; what it draws is put back by the caller.
        collate: a function of the user's.
    """
    lines = Lines()
    told = row_of_one_sample(dataset, collate, watched=lines)
    return [(finding, lines.made.get(row)) for finding, row in told]


def _line_called_first() -> Place | None:
    """The outermost of the user's lines that run now, without those that called the watchers."""
    frame: FrameType | None = sys._getframe(2)
    outermost: FrameType | None = None
    while frame is not None and not frame.f_code.co_filename.startswith(HOUSE + "/"):
        if is_users(frame.f_code.co_filename):
            is_plain = frame.f_code.co_name != "<lambda>"
            outermost = frame if is_plain or outermost is None else outermost
        frame = frame.f_back
    return Place.of(outermost) if outermost is not None else None
