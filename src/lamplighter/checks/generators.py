"""Random generators that objects keep for themselves: found, and their states kept and put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

CALLS = {"torch": "torch.manual_seed", "numpy": "np.random.seed", "random": "random.seed"}
CALLED = ("torch", "numpy", "numpy.random", "random")
GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)


def generators_in(thing: Any, *, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """The random generators kept as attributes of an object and of what it holds.

    Yields:
        Dotted name and generator (`random.Random`, NumPy's or torch's).
    """
    seen: set[int] = set()
    stack: list[tuple[str, Any, int]] = [(type(thing).__name__, thing, depth)]
    while stack:
        name, value, left = stack.pop()
        if id(value) in seen or left < 0 or isinstance(value, Tensor | np.ndarray | str | type):
            continue
        seen.add(id(value))
        if isinstance(value, GENERATORS):
            yield name, value
            continue
        if isinstance(value, ModuleType) and value.__name__ in CALLED:
            continue  # what `random.random()` draws from, which torch seeds anew in each worker
        inner: dict[Any, Any] = {}
        if isinstance(value, list | tuple) and len(value) <= 32:
            inner = dict(enumerate(value))
        elif isinstance(value, dict) and len(value) <= 32:
            inner = value
        elif hasattr(value, "__dict__") and not callable(getattr(value, "mro", None)):
            inner = vars(value)
        stack.extend((f"{name}.{key}", child, left - 1) for key, child in inner.items())


def generator_state(generator: Any) -> Any:
    """A comparable, restorable copy of a generator's state."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.get_state()


def put_generator_state(generator: Any, state: Any) -> None:
    """Undoes what was drawn since `generator_state`."""
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


def random_numbers_repeat(kind: str, seed: Any, rounds: int) -> Iterator[Finding]:
    """R109: the same seed is set between the steps of one training.

    Args:
        kind: "torch", "numpy" or "random".
        seed: what was set.
        rounds: how many stretches of the training began with the same numbers.
    """
    call = CALLS[kind]
    yield found(
        "R109",
        call,
        f"{call}({seed}) runs again between the steps, and {rounds} stretches of the training "
        "have begun with the very same random numbers: order, dropout and noise repeat themselves",
        "set the seed once, before the training; give what shall repeat a generator of its own",
    )


def order_repeats(epochs: int) -> Iterator[Finding]:
    """R109 of a loader: it shuffles, and each time in the same way.

    Args:
        epochs: how many in a row began with the same samples.
    """
    yield found(
        "R109",
        "the training loader",
        f"it shuffles, and {epochs} epochs in a row have begun with the same samples in the same "
        "order: its generator begins anew each time",
        "build the generator once, before the epochs",
    )
