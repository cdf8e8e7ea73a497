"""Where data, losses, files and figures are listened to: nothing that is computed changes."""

from __future__ import annotations

import builtins
import copy
import inspect
import logging
import os
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from lamplighter.watch.data.passes import Bounds, Pass, may_end_here
from lamplighter.watch.taps.wrapping import Taps, Wrapper, told_after

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
HEARD = 3  # batches of a first walk, fewer of the next, in which a data set's arithmetic is heard
DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")


def tap_loaders(taps: Taps) -> None:
    """Loaders and the batches that they give."""
    stream, bounds = taps.stream, taps.bounds
    walks: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def walk(original: Wrapper) -> Wrapper:
        def __iter__(self: DataLoader[Any]) -> Any:  # noqa: N807
            if not stream.on:
                return original(self)
            taps.settle()
            walks[self] = walks.get(self, 0) + 1
            walker = _started(original, self, bounds, walks[self])
            current = Pass(weakref.ref(self), weakref.ref(walker), walks[self])
            walker._watched_pass = current
            if not self.persistent_workers:  # else the two would hold each other
                walker._watched_loader = self  # one without a name lives as long as its walk
            taps.passes.append(current)
            stream.tell("pass_starts", current)
            return walker

        return __iter__

    def give(original: Wrapper) -> Wrapper:
        def __next__(self: Any) -> Any:  # noqa: N807
            current = getattr(self, "_watched_pass", None)
            if current is None or not stream.on:
                return original(self)
            if bounds.batches is not None and bounds.is_enough(current) and may_end_here(2):
                current.complete = current.shortened = bounds.cut = True
                stream.tell("pass_ended", current)
                raise StopIteration
            try:
                if not stream.listening or current.given < HEARD >> (current.number - 1):
                    batch = original(self)
                else:
                    with taps.aside():
                        batch = original(self)
            except StopIteration:
                current.complete = True
                stream.tell("pass_ended", current)
                raise
            current.given += 1
            if taps.newest is not current or stream.now is not stream.light:
                taps.newest = current
                stream.tell("batch_given", current, batch)
            return batch

        return __next__

    def count(original: Wrapper) -> Wrapper:
        def __len__(self: DataLoader[Any]) -> int:  # noqa: N807
            whole = original(self)
            return bounds.length_for(self, whole, depth=2) if stream.on else whole

        return __len__

    taps.replace(DataLoader, "__init__", told_after(stream, "loader_made"))
    taps.replace(DataLoader, "__len__", count)
    taps.replace(DataLoader, "__iter__", walk)
    taps.replace(_BaseDataLoaderIter, "__next__", give)


def _started(original: Wrapper, loader: DataLoader[Any], bounds: Bounds, number: int) -> Any:
    """The loader's iterator; for the two batches of a shortened walk no workers are started."""
    workers = loader.num_workers
    if bounds.batches is None or number <= 2 or not workers or loader.persistent_workers:
        return original(loader)
    loader.num_workers = 0
    try:
        return original(loader)
    finally:
        loader.num_workers = workers


def tap_losses(taps: Taps) -> None:
    """The tensors that really enter a loss, and whether dropout drops."""
    stream = taps.stream

    def loss(name: str) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            names = tuple(inspect.signature(original).parameters)

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if stream.on and stream.now["loss_called"] and not torch.compiler.is_compiling():
                    given = dict(zip(names, args, strict=False)) | kwargs
                    stream.tell("loss_called", name, given, result)
                return result

            return wrapped

        return make

    def dropout(name: str) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            def wrapped(
                input: Any, p: float = 0.5, training: bool = True, *rest: Any, **kw: Any
            ) -> Any:
                heard = training and p > 0 and stream.on and stream.now["dropout_called"]
                if heard and not torch.compiler.is_compiling():
                    stream.tell("dropout_called", name, training)
                return original(input, p, training, *rest, **kw)

            return wrapped

        return make

    def script(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            # TorchScript reads the source of what it meets, so it must meet the originals.
            present = {name: getattr(F, name) for name in (*LOSSES, *DROPOUTS, "interpolate")}
            for name, function in present.items():
                setattr(F, name, inspect.unwrap(function))
            try:
                return original(*args, **kwargs)
            finally:
                for name, function in present.items():
                    setattr(F, name, function)

        return wrapped

    for name in LOSSES:
        taps.replace(F, name, loss(name))
    for name in DROPOUTS:
        taps.replace(F, name, dropout(name))
    taps.replace(torch.jit, "script", script)


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

    def loaded(original: Wrapper) -> Wrapper:
        def load_state_dict(self: torch.nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, state, *args, **kwargs)
            stream.tell("state_loaded", self, state)
            return result

        return load_state_dict

    def saved(original: Wrapper) -> Wrapper:
        def save(obj: Any, *args: Any, **kwargs: Any) -> Any:
            stream.tell("saved", obj)
            return original(obj, *args, **kwargs)

        return save

    def read(original: Wrapper) -> Wrapper:
        def load(f: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(f, *args, **kwargs)
            if isinstance(f, str | os.PathLike):
                stream.tell("file_loaded", os.fspath(f), result)
            return result

        return load

    def copied(original: Wrapper) -> Wrapper:
        def deepcopy(x: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(x, *args, **kwargs)
            if stream.on and isinstance(x, torch.nn.Module | dict):
                stream.tell("copied", x)
            return result

        return deepcopy

    taps.replace(copy, "deepcopy", copied)
    taps.replace(torch.nn.Module, "state_dict", taken)
    taps.replace(torch.nn.Module, "load_state_dict", loaded)
    taps.replace(torch, "save", saved)
    taps.replace(torch, "load", read)


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


def tap_text(taps: Taps) -> None:
    """What the program prints or logs: there it reports its figures."""
    stream = taps.stream

    def printed(original: Wrapper) -> Wrapper:
        def wrapped(*things: Any, **kwargs: Any) -> Any:
            original(*things, **kwargs)
            if stream.on:
                stream.tell("text_written", " ".join(str(thing) for thing in things))

        return wrapped

    def logged(original: Wrapper) -> Wrapper:
        def handle(self: logging.Logger, record: logging.LogRecord) -> Any:
            original(self, record)
            if stream.on:
                stream.tell("text_written", record.getMessage())

        return handle

    taps.replace(builtins, "print", printed)
    taps.replace(logging.Logger, "handle", logged)


DATA_TAPS = (tap_loaders, tap_losses, tap_saving, tap_numbers, tap_text)
