"""Everything that probing could change, kept and put back bit for bit.

A probe runs the user's own network, loss and optimizer, because copies of them would not be what
the user's closures refer to. So all state that can be reached from them is noted before, and put
back into the same objects afterwards.
"""

from __future__ import annotations

import copy
import dis
import random
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.generators import GENERATORS, generator_state, put_generator_state

_LEFT_ALONE = (
    str,
    bytes,
    int,
    float,
    complex,
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    np.ndarray,
    torch.device,
    torch.dtype,
    torch.Size,
)
# what talks to other threads or to the outside is not state of a training
_OUTSIDE = frozenset(
    [
        "logging",
        "threading",
        "queue",
        "multiprocessing",
        "concurrent",
        "tensorboard",
        "wandb",
        "weakref",
        "io",
        "pathlib",
        "subprocess",
        "socket",
        "lamplighter",
        "_pytest",
        "pytest",
    ]
)
_UNSHAPED = (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)
_CONTAINERS = (list, dict, set, deque)
_MANY = 50_000  # containers longer than this hold data, not state


class Snapshot:
    """The state of networks, optimizers, losses, schedules, data sets and random generators.

    Args:
        trained: objects whose tensors are state: networks, optimizers, losses, schedules.
        read: objects whose tensors are data and stay uncopied: data sets, loaders, transforms.
    """

    def __init__(self, trained: tuple[Any, ...], read: tuple[Any, ...] = ()) -> None:
        self.values: dict[int, Tensor] = {}
        self._tensors: list[tuple[Tensor, Tensor | None, bool]] = []
        self._containers: list[tuple[Any, Any]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._names: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._seen: set[int] = set()
        self._random = _global_random_state()
        for thing in trained:
            self._take(thing, 64, tensors=True)
            if isinstance(thing, nn.Module):
                self.keep_what_is_written_by(thing)
        for thing in read:
            self._take(thing, 6, tensors=False)

    def keep_what_is_written_by(self, module: nn.Module) -> None:
        """Notes what the hooks and forward functions of a network write down outside of it."""
        for part in module.modules():
            if not type(part).__module__.startswith("torch."):
                self._take_function(type(part).forward, 4, tensors=False)
            for hooks in (part._forward_pre_hooks, part._forward_hooks, part._backward_hooks):
                for hook in hooks.values():
                    if not _is_outside(hook):  # our own hooks are there to note something down
                        self._take(hook, 4, tensors=False)

    def before(self, tensor: Tensor) -> Tensor:
        """The value a tensor had when the snapshot was made."""
        return self.values[id(tensor)]

    def restore(self) -> None:
        """Puts everything back into the objects it came from."""
        with torch.no_grad():
            for tensor, gradient, wanted in self._tensors:
                _put_value(tensor, self.values[id(tensor)])
                if tensor.requires_grad != wanted and tensor.is_leaf:
                    tensor.requires_grad_(wanted)
                if tensor.is_leaf:
                    tensor.grad = gradient
        for container, content in self._containers:
            _put_content(container, content)
        for space, values in self._names:
            space.update(values)
        for generator, state in self._generators:
            put_generator_state(generator, state)
        _put_global_random_state(self._random)

    def _take(self, value: Any, left: int, *, tensors: bool) -> None:
        """Notes one object and all that it holds."""
        if value is None or isinstance(value, _LEFT_ALONE) or left < 0 or id(value) in self._seen:
            return
        # our own networks are state as others are
        if _is_outside(type(value)) and not isinstance(value, nn.Module):
            return
        self._seen.add(id(value))
        if isinstance(value, Tensor):
            if tensors:
                self._take_tensor(value)
        elif isinstance(value, GENERATORS):
            self._generators.append((value, generator_state(value)))
        elif isinstance(value, _CONTAINERS):
            self._take_container(value, left, tensors=tensors)
        elif isinstance(value, tuple):
            for item in value[:4096]:
                self._take(item, left - 1, tensors=tensors)
        elif isinstance(value, types.FunctionType | types.MethodType):
            self._take_function(value, left, tensors=tensors)
        elif hasattr(value, "__dict__"):
            inside = vars(value)
            self._containers.append((inside, dict(inside)))
            for item in inside.values():
                self._take(item, left - 1, tensors=tensors)

    def _take_tensor(self, tensor: Tensor) -> None:
        if isinstance(tensor, _UNSHAPED) or tensor.is_inference():
            return
        gradient = tensor.grad if tensor.is_leaf else None
        self.values[id(tensor)] = tensor.detach().clone()
        self._tensors.append((tensor, gradient, tensor.requires_grad))
        if gradient is not None and gradient.layout == torch.strided:
            self._seen.add(id(gradient))
            self.values[id(gradient)] = gradient.detach().clone()
            self._tensors.append((gradient, None, gradient.requires_grad))

    def _take_container(self, container: Any, left: int, *, tensors: bool) -> None:
        if len(container) > _MANY:
            return
        self._containers.append((container, container.copy()))
        items = list(container.values()) if isinstance(container, dict) else list(container)
        for item in items if tensors or len(items) <= 256 else ():
            self._take(item, left - 1, tensors=tensors)

    def _take_function(self, function: Any, left: int, *, tensors: bool) -> None:
        """What a function was closed over, what a method is bound to, and what is global to it."""
        self._take(getattr(function, "__self__", None), left - 1, tensors=tensors)
        self._take_globals(function)
        for cell in getattr(function, "__closure__", None) or ():
            try:
                self._take(cell.cell_contents, left - 1, tensors=tensors)
            except ValueError:
                continue  # a cell that is not filled yet

    def _take_globals(self, function: Any) -> None:
        """Global containers that a function names, and the globals that it sets."""
        function = getattr(function, "__func__", function)
        if not isinstance(function, types.FunctionType):
            return
        space = function.__globals__
        for name in function.__code__.co_names:
            self._take_contents(space.get(name))
        written = {name: space[name] for name in _set_by(function.__code__) if name in space}
        if written:
            self._names.append((space, written))

    def _take_contents(self, value: Any, deeper: int = 1) -> None:
        """What a container holds, and containers in it; of tensors only that they are there."""
        if not isinstance(value, _CONTAINERS) or len(value) > _MANY:
            return
        self._containers.append((value, value.copy()))
        if deeper:
            for item in value.values() if isinstance(value, dict) else value:
                self._take_contents(item, deeper - 1)


@lru_cache(maxsize=256)
def _set_by(code: types.CodeType) -> tuple[str, ...]:
    return tuple(i.argval for i in dis.get_instructions(code) if i.opname == "STORE_GLOBAL")


def _is_outside(kind: Any) -> bool:
    return str(getattr(kind, "__module__", "")).partition(".")[0] in _OUTSIDE


def copied(thing: Any, module: nn.Module) -> Any:
    """A deep copy, also where a network keeps what it computed last, such as attention weights.

    Torch does not copy what has a graph: that comes along without it.

    Args:
        thing: what is copied, the network among it.
        module: the network.
    """
    kept = (t for part in module.modules() for t in tensors_in(vars(part)) if not t.is_leaf)
    return copy.deepcopy(thing, {id(tensor): tensor.detach().clone() for tensor in kept})


@contextmanager
def probing(*networks: nn.Module) -> Iterator[None]:
    """A stretch of work with copies of a program's networks that leaves no trace in the program.

    A copy calls the same hooks and forward functions: what they append to, count up or set outside
    of the network is put back, as are the random generators.
    """
    snapshot = Snapshot(())
    for network in networks:
        snapshot.keep_what_is_written_by(network)
    try:
        yield
    finally:
        snapshot.restore()


@contextmanager
def kept(trained: tuple[Any, ...], read: tuple[Any, ...] = ()) -> Iterator[Snapshot]:
    """A stretch of work after which all state is what it was.

    Args:
        trained: networks, optimizers, losses, schedules.
        read: data sets and loaders.
    """
    snapshot = Snapshot(trained, read)
    try:
        yield snapshot
    finally:
        snapshot.restore()


def seed_all(seed: int) -> None:
    """Seeds Python, NumPy and torch; only ever called inside `kept`."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _global_random_state() -> dict[str, Any]:
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def _put_global_random_state(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])
    if "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def _put_value(tensor: Tensor, value: Tensor) -> None:
    """In place and past autograd's version counter, so that graphs of the user stay valid."""
    if (
        tensor.shape == value.shape
        and tensor.dtype == value.dtype
        and tensor.layout == torch.strided
    ):
        tensor.data.copy_(value)
    else:
        tensor.data = value


def _put_content(container: Any, content: Any) -> None:
    if isinstance(container, dict):
        same = container.keys() == content.keys() and all(
            container[key] is item for key, item in content.items()
        )
        if not same:
            dict.clear(container)
            dict.update(container, content)
    elif isinstance(container, set):
        if container != content:
            container.clear()
            container.update(content)
    elif len(container) != len(content) or any(
        a is not b for a, b in zip(container, content, strict=True)
    ):
        container.clear()
        container.extend(content)
