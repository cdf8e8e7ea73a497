"""Where the program sets the seeds of its random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamplighter.watch.taps.wrapping import Taps, Wrapper


def tap_seeds(taps: Taps) -> None:
    """The global generators of torch, NumPy and Python."""
    stream = taps.stream

    def make(kind: str) -> Callable[[Wrapper], Wrapper]:
        def wrap(original: Wrapper) -> Wrapper:
            def seed(*args: Any, **kwargs: Any) -> Any:
                value = next(iter((*args, *kwargs.values())), None)
                result = original(*args, **kwargs)
                if isinstance(value, int) and stream.on:
                    stream.tell("seeded", kind, value)
                return result

            return seed

        return wrap

    def back(kind: str) -> Callable[[Wrapper], Wrapper]:
        def wrap(original: Wrapper) -> Wrapper:
            def put(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                stream.tell("state_put_back", kind)
                return result

            return put

        return wrap

    taps.replace(torch, "set_rng_state", back("torch"))
    taps.replace(torch.random, "set_rng_state", back("torch"))
    taps.replace(np.random, "set_state", back("numpy"))
    taps.replace(random, "setstate", back("random"))
    taps.replace(torch, "manual_seed", make("torch"))
    taps.replace(torch.random, "manual_seed", make("torch"))
    taps.replace(np.random, "seed", make("numpy"))
    taps.replace(random, "seed", make("random"))
