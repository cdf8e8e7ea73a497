"""Does a picture of this shape pass through the network? If not: which layer, and what would fit."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from lamplighter.errors import LamplighterError, ModelError

# tried in turn when a picture does not fit, to name a size that does
COMMON_SIZES = (8, 16, 28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 256, 299, 384, 518)
# up to so many weights and numbers in a sample a pass with values takes no more than about 0.2 s
QUICK_WEIGHTS, QUICK_NUMBERS = 30_000_000, 3 * 256 * 256
FITTING = "change that layer, or give the network what it takes: --size N, --channels rgb or grey"
MENDING = (
    "mend that in its code: one picture has to go through its forward() in evaluation mode and without "
    "gradients (--debug shows the line)"
)
SHAPE_WORDS = re.compile(
    r"shape|size|dimension|channel|kernel|stride|broadcast|view", re.IGNORECASE
)
POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d, nn.FractionalMaxPool2d)


class NeedsValues(Exception):
    """The network looks at values, so shapes alone do not bring it to its end."""


@dataclass
class Trail:
    """Where a pass is: the modules that are open, and what the closed ones gave."""

    names: dict[nn.Module, str]
    open: list[tuple[nn.Module, tuple[int, ...]]] = field(default_factory=list)
    closed: list[tuple[nn.Module, tuple[int, ...]]] = field(default_factory=list)

    def enter(self, module: nn.Module, inputs: Any) -> None:
        """A forward pre-hook."""
        tensor = first_tensor(inputs)
        self.open.append((module, tuple(tensor.shape) if tensor is not None else ()))

    def leave(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        """A forward hook."""
        self.open.pop()
        tensor = first_tensor(output)
        self.closed.append((module, tuple(tensor.shape) if tensor is not None else ()))


def check_shape(module: nn.Module, shape: Sequence[int], *, suggest: bool = True) -> None:
    """Proves that a sample of `shape` passes through the network; no weight is touched.

    Args:
        module: any network; it runs in eval mode, and its modes are put back.
        shape: (C, H, W) of a picture, or the shape of any one sample.
        suggest: look for a size that does fit, for the message.

    Raises:
        ModelError: names the layer, what came in, what it expected and what would fit.
    """
    module = materialised(module, shape)
    try:
        send(module, shape)
    except ModelError as error:
        if suggest and len(shape) == 3 and (fit := fitting(module, shape)):
            raise ModelError(error.message, where=error.where, fix=fit) from error
        raise


def send(module: nn.Module, shape: Sequence[int]) -> Any:
    """One pass of a sample: of zeros, or on the meta device where zeros would take long.

    The meta device costs nothing by itself, but its first use imports torch's compiler (a second).
    """
    weights = sum(parameter.numel() for parameter in module.parameters())
    if weights > QUICK_WEIGHTS or math.prod(shape) > QUICK_NUMBERS:
        try:
            return walk(module, torch.empty((1, *shape), device="meta"))
        except NeedsValues:
            pass
    return walk(module, torch.zeros((1, *shape), device=home(module)))


def walk(module: nn.Module, images: Tensor) -> Any:
    """Runs `module` in eval mode on `images`, translating what goes wrong inside.

    Args:
        module: with real weights; when `images` is on the meta device they are replaced by shapes
            for the time of the pass.
        images: a batch of 1.

    Raises:
        NeedsValues: on the meta device only.
        ModelError: the shape does not fit.
    """
    trail = Trail({layer: name or "(network)" for name, layer in module.named_modules()})
    hooks = []
    for layer in trail.names:
        hooks.append(layer.register_forward_pre_hook(trail.enter))
        hooks.append(layer.register_forward_hook(trail.leave))
    try:
        with at_rest(module):
            if not images.is_meta:
                with torch.random.fork_rng(devices=[]):
                    return module(images)
            shapes = {
                name: torch.empty_like(tensor, device="meta")
                for name, tensor in (*module.named_parameters(), *module.named_buffers())
            }
            return functional_call(module, shapes, (images,))
    except LamplighterError:
        raise
    except Exception as error:
        if images.is_meta and _asks_for_values(error):
            raise NeedsValues from error
        fault = _translated(trail, tuple(images.shape[1:]), error)
        fault.where = type(module).__name__
        raise fault from error
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """Eval mode without gradients, each submodule's mode put back afterwards."""
    modes = [(layer, layer.training) for layer in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    # the fused attention kernel is one opaque operation: it would hide its layers and their work
    torch.backends.mha.set_fastpath_enabled(False)
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for layer, training in modes:
            layer.training = training


def has_lazy(module: nn.Module) -> bool:
    """Whether layers wait for a first sample to have their sizes."""
    return any(is_lazy(parameter) for parameter in module.parameters())


def materialised(module: nn.Module, shape: Sequence[int]) -> nn.Module:
    """The module itself, or a copy whose lazy layers have taken their sizes from one sample."""
    if not has_lazy(module):
        return module
    module = copy.deepcopy(module)
    with at_rest(module), torch.random.fork_rng(devices=[]):
        module(torch.zeros((1, *shape), device="cpu"))
    return module


def settle_lazy(module: nn.Module, shape: Sequence[int]) -> None:
    """Lets lazy layers take their sizes from one sample, in place; others are left alone."""
    if has_lazy(module):
        with at_rest(module):
            module(torch.zeros((1, *shape)))


def home(module: nn.Module) -> torch.device:
    """The device of the network's first tensor."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def fitting(module: nn.Module, shape: Sequence[int]) -> str:
    """Words for the nearest common size or number of channels that does fit; empty if none does."""
    channels, height, width = shape
    sizes = sorted({*COMMON_SIZES, height}, key=lambda size: (abs(size - max(height, width)), size))
    planes = [channels, *(c for c in (3, 1) if c != channels)]
    for plane in planes:
        for size in sizes:
            try:
                send(module, (plane, size, size))
            except Exception:
                continue
            told = f"use --size {size}" if (size, size) != (height, width) else ""
            if plane != channels:
                grey = "grey" if plane == 1 else "rgb"
                planes_told = (
                    f"give it pictures with {_planes(plane)} (lamp train --channels {grey})"
                )
                told = " and ".join(filter(None, [planes_told, told]))
            return told
    return ""


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor in what a layer takes or gives: itself, or the first one inside."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (tuple, list, dict)):
        inside = value.values() if isinstance(value, dict) else value
        return next((t for item in inside if (t := first_tensor(item)) is not None), None)
    return None


def _asks_for_values(error: Exception) -> bool:
    return "meta" in str(error).lower() or isinstance(error, NotImplementedError)


def _translated(trail: Trail, shape: tuple[int, ...], error: Exception) -> ModelError:
    entered = f"a picture of {_times(shape)}" if len(shape) == 3 else f"a sample of {_times(shape)}"
    if not trail.open:
        fix = FITTING if _is_about_shapes(error) else MENDING
        return ModelError(f"the network does not take {entered}: {_first_line(error)}", fix=fix)
    layer, came = trail.open[-1]
    name = trail.names[layer]
    told, fix = _explained(layer, came, trail, shape), FITTING
    if told is None:
        fix = FITTING if _is_about_shapes(error) else MENDING
        last = ""
        if trail.closed:
            done, gave = trail.closed[-1]
            last = f", after {trail.names[done]} gave {_times(gave[1:])}"
        told = f"{type(layer).__name__} got {_times(came[1:])}{last}: {_first_line(error)}"
        told = f"{told}; the network was given {entered}"
    return ModelError(f"{name} {told}" if name != "(network)" else told, fix=fix)


def _is_about_shapes(error: Exception) -> bool:
    return SHAPE_WORDS.search(str(error)) is not None


def _explained(
    layer: nn.Module, came: tuple[int, ...], trail: Trail, shape: tuple[int, ...]
) -> str | None:
    """What a known kind of layer expected; None when its shapes are not the reason."""
    if isinstance(layer, nn.Linear) and came and came[-1] != layer.in_features:
        return _features(layer.in_features, came[-1], trail, shape)
    if isinstance(layer, nn.Conv2d) and len(came) == 4:
        if came[1] != layer.in_channels:
            return f"expects {_planes(layer.in_channels)}, got {came[1]}; the picture was {_times(shape)}"
        height = _reach(layer.kernel_size[0], layer.dilation[0])
        return (
            f"needs {height} pixels or more (kernel {height}, padding {layer.padding[0]}), got "
            f"{_times(came[2:])}; pictures of {_times(shape[1:])} have become too small here"
        )
    if isinstance(layer, POOLS) and len(came) == 4:
        return (
            f"cannot pool {_times(came[2:])} any further (kernel {layer.kernel_size}); pictures of "
            f"{_times(shape[1:])} have become too small here"
        )
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        fits = len(came) < 2 or came[1] == layer.num_features
        return None if fits else f"expects {_planes(layer.num_features)}, got {came[1]}"
    return None


def _features(expected: int, got: int, trail: Trail, shape: tuple[int, ...]) -> str:
    told = f"expects {expected} features, got {got}"
    spatial = [gave for _, gave in trail.closed if len(gave) == 4]
    if not spatial or len(shape) != 3:
        return told
    channels, height, width = spatial[-1][1:]
    if channels * height * width == got:
        told += (
            f": {channels} channels × {height} × {width}; pictures of {_times(shape[1:])} leave "
            f"{height}×{width} before it"
        )
        side = round((expected / channels) ** 0.5)
        if side and channels * side * side == expected:
            told += f", it was made for {side}×{side}"
    return told


def _reach(kernel: int, dilation: int) -> int:
    return (kernel - 1) * dilation + 1


def _planes(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "nothing"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
