"""Where torch is listened to: each tap wraps one function and changes nothing that it computes."""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from lamplighter.watch.events import Stream
from lamplighter.watch.passes import Bounds, Pass, may_end_here

Wrapper = Callable[..., Any]

LOSSES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "kl_div",
    "gaussian_nll_loss",
    "poisson_nll_loss",
    "soft_margin_loss",
    "multilabel_soft_margin_loss",
    "multi_margin_loss",
    "hinge_embedding_loss",
)
DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")


class Taps:
    """The wrapped functions; `close()` puts the originals back.

    Args:
        stream: hears the events.
        bounds: how far loaders are walked.
    """

    def __init__(self, stream: Stream, bounds: Bounds) -> None:
        self.stream = stream
        self.bounds = bounds
        self.undo: list[Callable[[], None]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Wrapper], Wrapper]) -> None:
        """Puts `make(original)` in the place of `owner.name`."""
        own = name in vars(owner)
        original = getattr(owner, name)
        wrapped = functools.wraps(original)(make(original))
        setattr(owner, name, wrapped)

        def put_back() -> None:
            # Somebody may have wrapped our wrapper; theirs is left alone and ours falls silent.
            if getattr(owner, name) is not wrapped:
                return
            if own:
                setattr(owner, name, original)
            else:
                delattr(owner, name)

        self.undo.append(put_back)

    def open(self) -> None:
        """Begins to listen."""
        for tap in TAPS:
            tap(self)

    def close(self) -> None:
        """Ends it."""
        self.stream.on = False
        while self.undo:
            self.undo.pop()()


def tap_modules(taps: Taps) -> None:
    """Calls of modules from outside any module, and `train()`/`eval()`."""
    stream = taps.stream
    thread = stream.thread
    has_parameters: weakref.WeakKeyDictionary[torch.nn.Module, bool] = weakref.WeakKeyDictionary()

    def call(original: Wrapper) -> Wrapper:
        def __call__(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if stream.inside or not stream.on or threading.get_ident() != thread:
                return original(self, *args, **kwargs)
            known = has_parameters.get(self)
            if known is None:
                known = any(True for _ in self.parameters())
                has_parameters[self] = known
            if not known or torch.compiler.is_compiling():
                return original(self, *args, **kwargs)
            stream.tell("module_entered", self, args, kwargs)
            stream.inside = 1
            try:
                output = original(self, *args, **kwargs)
            finally:
                stream.inside = 0
            stream.tell("module_left", self, args, output)
            return output

        return __call__

    def train(original: Wrapper) -> Wrapper:
        def wrapped(self: torch.nn.Module, mode: bool = True) -> Any:
            if stream.inside or not stream.on:
                return original(self, mode)
            stream.inside = 1
            try:
                result = original(self, mode)
            finally:
                stream.inside = 0
            stream.tell("mode_set", self, mode)
            return result

        return wrapped

    taps.replace(torch.nn.Module, "__call__", call)
    taps.replace(torch.nn.Module, "train", train)


def tap_backward(taps: Taps) -> None:
    """`loss.backward()`, which calls `torch.autograd.backward` as everybody does."""
    stream = taps.stream

    def make(original: Wrapper) -> Wrapper:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            roots = (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors)
            stream.tell("backward_starts", roots)
            result = original(tensors, *args, **kwargs)
            stream.tell("backward_ended", roots)
            return result

        return backward

    taps.replace(torch.autograd, "backward", make)


def tap_optimizers(taps: Taps) -> None:
    """Building, stepping and clearing; torch's own global hooks see every optimizer."""
    stream = taps.stream

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        closure = (args[1] if len(args) > 1 else None) or kwargs.get("closure")
        stream.tell("step_starts", optimizer, closure is not None)

    def after(optimizer: Any, _args: Any, _kwargs: Any) -> None:
        stream.tell("step_ended", optimizer)

    taps.undo.append(register_optimizer_step_pre_hook(before).remove)
    taps.undo.append(register_optimizer_step_post_hook(after).remove)
    taps.replace(torch.optim.Optimizer, "__init__", _told_after(stream, "optimizer_made"))
    taps.replace(torch.optim.Optimizer, "zero_grad", _told_after(stream, "cleared"))
    taps.replace(torch.nn.Module, "zero_grad", _told_after(stream, "cleared"))


def tap_schedules(taps: Taps) -> None:
    """Learning-rate schedules; each class has its own `step`, so instances are wrapped."""
    from torch.optim import lr_scheduler

    stream = taps.stream

    def first_step(original: Wrapper) -> Wrapper:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            stream.tell("schedule_made", self)
            return result

        return wrapped

    def step(original: Wrapper) -> Wrapper:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if not getattr(self, "_is_initial", False):
                stream.tell("scheduled", self)
            return result

        return wrapped

    for kind in _all_subclasses(lr_scheduler.LRScheduler):
        if "__init__" in vars(kind):
            taps.replace(kind, "__init__", first_step)
        if "step" in vars(kind):
            taps.replace(kind, "step", step)


def tap_loaders(taps: Taps) -> None:
    """Loaders and the batches that they give."""
    stream, bounds = taps.stream, taps.bounds
    walks: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def walk(original: Wrapper) -> Wrapper:
        def __iter__(self: DataLoader[Any]) -> Any:  # noqa: N807
            walker = original(self)
            if stream.on:
                walks[self] = walks.get(self, 0) + 1
                current = Pass(weakref.ref(self), weakref.ref(walker), walks[self])
                walker._watched_pass = current
                stream.tell("pass_starts", current)
            return walker

        return __iter__

    def give(original: Wrapper) -> Wrapper:
        def __next__(self: Any) -> Any:  # noqa: N807
            current = getattr(self, "_watched_pass", None)
            if current is None or not stream.on:
                return original(self)
            if bounds.is_enough(current) and may_end_here(2):
                current.complete = current.shortened = True
                stream.tell("pass_ended", current)
                raise StopIteration
            try:
                batch = original(self)
            except StopIteration:
                current.complete = True
                stream.tell("pass_ended", current)
                raise
            current.given += 1
            stream.tell("batch_given", current, batch)
            return batch

        return __next__

    taps.replace(DataLoader, "__init__", _told_after(stream, "loader_made"))
    taps.replace(DataLoader, "__iter__", walk)
    taps.replace(_BaseDataLoaderIter, "__next__", give)


def tap_losses(taps: Taps) -> None:
    """The tensors that really enter a loss, and whether dropout drops."""
    stream = taps.stream

    def loss(name: str) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            signature = inspect.signature(original)

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if stream.on and not torch.compiler.is_compiling():
                    given = signature.bind(*args, **kwargs).arguments
                    stream.tell("loss_called", name, given, result)
                return result

            return wrapped

        return make

    def dropout(name: str) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            def wrapped(
                input: Any, p: float = 0.5, training: bool = True, *rest: Any, **kw: Any
            ) -> Any:
                if training and p > 0 and stream.on and not torch.compiler.is_compiling():
                    stream.tell("dropout_called", name, training)
                return original(input, p, training, *rest, **kw)

            return wrapped

        return make

    for name in LOSSES:
        taps.replace(F, name, loss(name))
    for name in DROPOUTS:
        taps.replace(F, name, dropout(name))


def tap_clipping(taps: Taps) -> None:
    """Gradient clipping and the gradient scaler."""
    stream = taps.stream

    def clip(original: Wrapper) -> Wrapper:
        def wrapped(parameters: Any, *args: Any, **kwargs: Any) -> Any:
            several = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
            result = original(several, *args, **kwargs)
            stream.tell("clipped", several)
            return result

        return wrapped

    def after_with_optimizer(event: str, with_self: bool) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            def wrapped(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(self, optimizer, *args, **kwargs)
                stream.tell(event, *((self, optimizer) if with_self else (optimizer,)))
                return result

            return wrapped

        return make

    for module in (torch.nn.utils, torch.nn.utils.clip_grad):
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            taps.replace(module, name, clip)
    scaler = torch.amp.GradScaler
    taps.replace(scaler, "unscale_", after_with_optimizer("unscaled", False))
    taps.replace(scaler, "step", after_with_optimizer("scaled", True))


def tap_saving(taps: Taps) -> None:
    """State taken, loaded and saved."""
    stream = taps.stream

    def taken(original: Wrapper) -> Wrapper:
        def state_dict(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            if stream.inside or not stream.on:
                return original(self, *args, **kwargs)
            stream.inside = 1
            try:
                state = original(self, *args, **kwargs)
            finally:
                stream.inside = 0
            stream.tell("state_taken", self, state)
            return state

        return state_dict

    def before(event: str, with_self: bool) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                if len(args) >= (2 if with_self else 1):
                    stream.tell(event, *args[: 2 if with_self else 1])
                return original(*args, **kwargs)

            return wrapped

        return make

    taps.replace(torch.nn.Module, "state_dict", taken)
    taps.replace(torch.nn.Module, "load_state_dict", before("state_loaded", True))
    taps.replace(torch, "save", before("saved", False))


def tap_numbers(taps: Taps) -> None:
    """Numbers that the program reads anyway, so that looking at them costs no waiting."""
    stream = taps.stream

    def make(original: Wrapper) -> Wrapper:
        def item(self: torch.Tensor) -> Any:
            value = original(self)
            if stream.on and value != value:
                stream.tell("number_read", self, value)
            return value

        return item

    taps.replace(torch.Tensor, "item", make)


TAPS = (
    tap_modules,
    tap_backward,
    tap_optimizers,
    tap_schedules,
    tap_loaders,
    tap_losses,
    tap_clipping,
    tap_saving,
    tap_numbers,
)


def _told_after(stream: Stream, event: str) -> Callable[[Wrapper], Wrapper]:
    def make(original: Wrapper) -> Wrapper:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            stream.tell(event, self)
            return result

        return wrapped

    return make


def _all_subclasses(kind: type) -> list[type]:
    found = [kind]
    for child in kind.__subclasses__():
        found += [c for c in _all_subclasses(child) if c not in found]
    return found
