"""Where the steps of a training are listened to: each tap changes nothing that is computed."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import here
from lamplighter.watch.taps.wrapping import Taps, Wrapper, told_after


def tap_modules(taps: Taps) -> None:
    """Calls of modules from outside any module, and `train()`/`eval()`."""
    stream = taps.stream
    thread = stream.thread
    has_parameters: ByIdentity[bool] = ByIdentity()

    def call(original: Wrapper) -> Wrapper:
        def __call__(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if stream.inside or not stream.on or threading.get_ident() != thread:
                if stream.inside and stream.graded and id(self) not in stream.noted:
                    stream.noted[id(self)] = None if torch.is_grad_enabled() else here()
                return original(self, *args, **kwargs)
            known = has_parameters.get(self)
            if known is None:
                known = any(True for _ in self.parameters())
                has_parameters[self] = known
            if not known or torch.compiler.is_compiling():
                return original(self, *args, **kwargs)
            stream.tell("module_entered", self, args, kwargs)
            stream.inside, stream.graded = 1, torch.is_grad_enabled()
            try:
                if self.training and torch.is_grad_enabled():
                    output = original(self, *args, **kwargs)
                else:
                    with taps.aside():
                        output = original(self, *args, **kwargs)
            finally:
                stream.inside, stream.graded = 0, False
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
    kind: Any = torch.nn.Module
    heard, original = kind.__call__, kind.__call__.lamp_original

    def listen(on: bool) -> None:
        # a wrapper around every layer's call costs time in each step of a training
        present, wanted = (original, heard) if on else (heard, original)
        if kind.__call__ is present:  # else somebody has wrapped it as well
            kind.__call__ = wanted

    stream.calls_heard = listen


def tap_backward(taps: Taps) -> None:
    """`loss.backward()`, which calls `torch.autograd.backward` as everybody does."""
    stream = taps.stream

    def make(original: Wrapper) -> Wrapper:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            roots = (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors)
            if not roots or not isinstance(roots[0], torch.Tensor):
                return original(tensors, *args, **kwargs)  # at an edge of a graph, without a number
            gradients = args[0] if args else kwargs.get("grad_tensors")
            if gradients is not None:
                stream.tell("begun_with", roots, gradients)
            stream.tell("backward_starts", roots)
            result = original(roots, *args, **kwargs)
            if stream.now["backward_ended"]:
                stream.tell("backward_ended", roots)
            return result

        return backward

    taps.replace(torch.autograd, "backward", make)


def tap_optimizers(taps: Taps) -> None:
    """Building, stepping and clearing; torch's own global hooks see every optimizer."""
    stream = taps.stream

    paused: list[Any] = []  # the one optimizer for whose step listening was ended

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        if paused and paused[0] is optimizer:
            go_on()  # its last step ended in an error
        if not stream.now["step_starts"] and not stream.listening:
            return
        closure = (args[1] if len(args) > 1 else None) or kwargs.get("closure")
        stream.tell("step_starts", optimizer, closure is not None)
        # what torch computes in its own step says nothing of the program
        if closure is None and stream.listening and stream.pause():
            paused.append(optimizer)

    def go_on() -> None:
        paused.clear()
        stream.go_on()

    def after(optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if paused and paused[0] is optimizer:  # and not one that is stepped within its step
            go_on()
        stream.tell("step_ended", optimizer)

    def clearing(original: Wrapper) -> Wrapper:
        def zero_grad(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not stream.listening and not stream.now["cleared"]:
                return original(self, *args, **kwargs)
            # it looks at every gradient, which says nothing of the program
            aside = stream.listening and stream.pause()
            try:
                result = original(self, *args, **kwargs)
            finally:
                if aside:
                    stream.go_on()
            if stream.now["cleared"]:
                stream.tell("cleared", self)
            return result

        return zero_grad

    taps.undo.append(register_optimizer_step_pre_hook(before).remove)
    taps.undo.append(register_optimizer_step_post_hook(after).remove)
    taps.replace(torch.optim.Optimizer, "__init__", told_after(stream, "optimizer_made"))
    taps.replace(torch.optim.Optimizer, "zero_grad", clearing)
    taps.replace(torch.nn.Module, "zero_grad", clearing)


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
                value = args[0] if args else kwargs.get("metrics", kwargs.get("epoch"))
                if value is not None:
                    stream.tell("measured", self, value)
                stream.tell("scheduled", self)
            return result

        return wrapped

    for kind in _all_subclasses(lr_scheduler.LRScheduler):
        if "__init__" in vars(kind):
            taps.replace(kind, "__init__", first_step)
        if "step" in vars(kind):
            taps.replace(kind, "step", step)


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

    def clip_norm(original: Wrapper) -> Wrapper:
        around = clip(original)

        def wrapped(parameters: Any, max_norm: Any, *args: Any, **kwargs: Any) -> Any:
            result = around(parameters, max_norm, *args, **kwargs)
            stream.tell("limited", result, max_norm)
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

    def scale(original: Wrapper) -> Wrapper:
        def wrapped(self: Any, outputs: Any) -> Any:
            result = original(self, outputs)
            stream.tell("loss_scaled", self, result)
            return result

        return wrapped

    for module in (torch.nn.utils, torch.nn.utils.clip_grad):
        taps.replace(module, "clip_grad_norm_", clip_norm)
        taps.replace(module, "clip_grad_value_", clip)
    scaler = torch.amp.GradScaler
    taps.replace(scaler, "scale", scale)
    taps.replace(scaler, "unscale_", after_with_optimizer("unscaled", False))
    taps.replace(scaler, "step", after_with_optimizer("scaled", True))


def tap_origins(taps: Taps) -> None:
    """Where layers are made and weights are filled."""
    stream = taps.stream

    def fill(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            tensor = args[0] if args else kwargs.get("tensor")
            stream.tell("tensor_filled", tensor)
            return result

        return wrapped

    taps.replace(torch.nn.Module, "__init__", told_after(stream, "module_made"))
    for name, function in list(vars(torch.nn.init).items()):
        if name.endswith("_") and not name.startswith("_") and inspect.isfunction(function):
            taps.replace(torch.nn.init, name, fill)


TRAINING_TAPS = (
    tap_modules,
    tap_backward,
    tap_optimizers,
    tap_schedules,
    tap_clipping,
    tap_origins,
)


def _all_subclasses(kind: type) -> list[type]:
    found: list[type] = [kind]
    children: list[type] = kind.__subclasses__()
    for child in children:
        found += [c for c in _all_subclasses(child) if c not in found]
    return found
