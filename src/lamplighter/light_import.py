"""torchvision without torch's compiler: a second less before the first step or the first answer.

One line of torchvision.ops imports the whole of `torch._dynamo` with sympy (1.1 of 1.3 s), for a question
that is asked only where boxes are pooled. It finds a stand-in that answers when it is asked.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
QUESTION = "is_compile_supported"


def import_torchvision() -> ModuleType:
    """The package `torchvision`; all that it imports by itself is loaded afterwards."""
    if COMPILER in sys.modules or "torchvision" in sys.modules:
        return importlib.import_module("torchvision")
    import torch  # noqa: F401  nothing of it shall meet the stand-in

    try:
        with _standing_in():
            return importlib.import_module("torchvision")
    except Exception:  # a later torchvision may want more of the compiler than that one question
        return importlib.import_module("torchvision")


class _StandIn(ModuleType):
    """A module that is imported when something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _take_away()
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _standing_in() -> Iterator[None]:
    names = (COMPILER, f"{COMPILER}.utils")
    for name in names:
        sys.modules[name] = _StandIn(name)
    setattr(sys.modules[names[1]], QUESTION, _ask_the_compiler)
    try:
        yield
    finally:
        _take_away()


def _take_away() -> None:
    for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
        del sys.modules[name]


def _ask_the_compiler(device_type: str) -> bool:
    utilities: Any = importlib.import_module(f"{COMPILER}.utils")
    return bool(getattr(utilities, QUESTION)(device_type))
