"""Observes somebody else's training: `watch` for a block, `script` for a whole program.

Both names are loaded when they are first used: `script` starts a process that imports torch, and
needs none itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamplighter.watch.watching import Watch, watch

__all__ = ["Watch", "watch"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("lamplighter.watch.watching"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
