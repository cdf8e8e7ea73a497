"""torch's optimizers without its compiler: the same steps, and a second less before the first one.

`add_param_group`, `zero_grad`, `state_dict` and `step` of torch's optimizers import the whole of
`torch._dynamo` with sympy (1.2 s, 100 MB) to keep the compiler out of them. Only networks are
compiled here, never a step of an optimizer, so what these methods do is taken from inside their
wrappers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer

GUARDED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@cache
def eager(kind: Any) -> Any:
    """A class of the same name that does what `kind` does and leaves torch's compiler alone.

    Args:
        kind: an optimizer whose `step` needs no gradients of its own, but for the closure.
    """
    inner = inspect.unwrap(kind.step)

    def step(self: Optimizer, closure: Callable[[], Any] | None = None) -> Any:
        with torch.no_grad():
            return inner(self, closure)

    plain = {name: inspect.unwrap(getattr(kind, name)) for name in GUARDED}
    body = {**plain, "step": step, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), body)
