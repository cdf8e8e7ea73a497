"""Equal numbers on a GPU: torch's repeatable operations, and the name of each that has none.

Where they are not asked for, cuDNN may try its ways of a convolution and take the quickest.

On the CPU nothing is switched: with one number of threads its operations repeat.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import torch

from lamplighter.listener import Listener
from lamplighter.machine import tell_cublas

# what torch says of an operation that it could only warn of; source: aten/src/ATen/Context.cpp
_SAID = (
    r"(?s).*(?:does not have a deterministic implementation|not deterministic|non-?deterministic)"
)
_NAME = re.compile(r"^(\S+) does not have a deterministic implementation")


@contextmanager
def repeatable(asked: bool, device: torch.device, listener: Listener) -> Iterator[None]:
    """Takes repeatable operations on a GPU while it lasts, and says once which operation is none.

    Args:
        asked: whether equal numbers are wanted.
        device: where the training runs.
        listener: hears the names.
    """
    if device.type != "cuda":
        yield
        return
    if not asked:
        with _quickest():
            yield
        return
    tell_cublas()
    memory: Any = torch.utils.deterministic  # torch gives its switches no types
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn, filling = (
        torch.backends.cudnn.deterministic,
        memory.fill_uninitialized_memory,
    )
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic = True
    # filling memory that nobody reads finds errors, and costs a pass over every new tensor
    memory.fill_uninitialized_memory = False
    try:
        with _heard(device, listener):
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.deterministic = cudnn
        memory.fill_uninitialized_memory = filling


@contextmanager
def _quickest() -> Iterator[None]:
    """cuDNN tries its ways at each new size of batch: which one wins may differ from run to run."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def _heard(device: torch.device, listener: Listener) -> Iterator[None]:
    """Turns torch's warnings about such operations into one sentence for each of them."""
    told: set[str] = set()
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_SAID)
        shown = warnings.showwarning

        def hear(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> Any:
            text = str(message)
            if not re.match(_SAID, text):
                return shown(message, category, filename, lineno, file, line)
            found = _NAME.match(text)
            name = found[1] if found else text.split(". ")[0]
            if name not in told:
                told.add(name)
                listener.warn(
                    f"{name} cannot promise equal numbers on {device}: the same training again may "
                    "differ in its last digits (--no-deterministic: no such promise, and faster)"
                )
            return None

        warnings.showwarning = hear
        yield
