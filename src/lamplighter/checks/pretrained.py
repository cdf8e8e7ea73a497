"""Pretrained weights of torchvision, and whether pictures are prepared as they want: T104."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

# in deviations of what the first layer receives, at black or white; the statistics that people
# compute for CIFAR or for their own photographs lie within it
TOLERATED = 0.6
MOST_FILES = 4  # cached files that are opened to recognise one network
MOST_PARTS = 200  # objects within a data set that are searched for a Normalize


class Scale(NamedTuple):
    """How pixels from 0 to 1 are normalised.

    Args:
        mean: of each channel, subtracted.
        std: of each channel, divided by.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def ends(self) -> Tensor:
        """`(2, C)` what becomes of black and of white."""
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return torch.stack([-mean / std, (1 - mean) / std])

    def __str__(self) -> str:
        return f"mean {_row(self.mean)} and deviation {_row(self.std)}"


class Wanted(NamedTuple):
    """Weights of torchvision and what they were trained with.

    Args:
        name: such as "ResNet18_Weights.IMAGENET1K_V1".
        scale: of the pictures that they were trained on.
        module: dotted name of the module of torchvision that builds their network.
    """

    name: str
    scale: Scale
    module: str


@cache
def registered() -> Mapping[str, Wanted]:
    """Base name of the file → weights of torchvision that want normalised pictures."""
    from torchvision.models import get_model_weights, list_models

    known = {}
    for model in list_models():
        for weights in get_model_weights(model):
            scale = _scale_of(weights.transforms())
            if scale is not None:
                base = weights.url.rsplit("/", 1)[-1]
                known[base] = Wanted(repr(weights), scale, type(weights).__module__)
    return known


def first_layers(state: Any) -> list[Tensor]:
    """`(out, 3, h, w)` weights of a state dict that take pictures with three channels."""
    values = state.values() if isinstance(state, Mapping) else ()
    return [v for v in values if isinstance(v, Tensor) and v.dim() == 4 and v.shape[1] == 3]


def is_one_of(weight: Tensor, layers: list[Tensor]) -> bool:
    """Whether a layer's weight still is one of these."""
    return any(
        layer.shape == weight.shape and torch.equal(layer.to(weight.device, weight.dtype), weight)
        for layer in layers
    )


def cached_weights(model: nn.Module, weight: Tensor) -> Wanted | None:
    """The weights of torchvision that a network of torchvision was loaded with, from its cache.

    Args:
        model: may hold the network of torchvision as a part.
        weight: `(out, 3, h, w)` of the network's first layer.
    """
    homes = {type(inner).__module__ for inner in model.modules()}
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    opened = 0
    with contextlib.suppress(OSError):
        for path in sorted(Path(torch.hub.get_dir(), "checkpoints").iterdir()):
            wanted = registered().get(path.name)
            if wanted is None or wanted.module not in homes:
                continue
            if not size / 2 < path.stat().st_size < 2 * size:
                continue  # a head may have been replaced, and no more
            if is_one_of(weight, first_layers(_opened(path))):
                return wanted
            opened += 1
            if opened == MOST_FILES:
                break
    return None


def _opened(path: Path) -> Any:
    """A state dict; of a file in today's format only the tensors that are used are read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # the format of torch before 1.6, in which most old weights still are
        with contextlib.suppress(RuntimeError):
            return torch.load(path, map_location="cpu", weights_only=True)
    return None


def normalisations(dataset: Any) -> list[Scale]:
    """Every different normalisation among the transforms of a data set, or of the one within it."""
    scales: dict[Scale, None] = {}
    todo, seen = [dataset], 0
    while todo and seen < MOST_PARTS:
        thing, seen = todo.pop(0), seen + 1
        if "ormalize" in type(thing).__name__ or type(thing).__module__ == _PRESETS:
            scale = _scale_of(thing)
            if scale is not None:
                scales[scale] = None
                continue
        todo += [part for part in _parts(thing) if not isinstance(part, str | int | float)]
    return list(scales)


_PRESETS = "torchvision.transforms._presets"


def _parts(thing: Any) -> list[Any]:
    """What a data set or transform is made of, as far as it can bear transforms."""
    if isinstance(thing, list | tuple):
        return list(thing[:32])
    if isinstance(thing, dict):
        return list(thing.values())[:32]
    if isinstance(thing, nn.Sequential | nn.ModuleList):
        return list(thing)
    if isinstance(thing, Tensor | type) or not hasattr(thing, "__dict__"):
        return []
    return [
        value
        for name, value in vars(thing).items()
        if name in ("dataset", "datasets") or "tr" in name.lower() or callable(value)
    ]


def _scale_of(thing: Any) -> Scale | None:
    """Mean and deviation of a transform, both for pixels from 0 to 1."""
    mean, std = (_numbers(getattr(thing, name, None)) for name in ("mean", "std"))
    if not mean or not std or len(mean) not in (1, 3) or len(std) not in (1, 3) or min(std) <= 0:
        return None
    factor = 255.0 if max(mean) > 2 else 1.0  # written for pixels from 0 to 255
    three = [tuple(v / factor for v in (row * 3)[:3]) for row in (mean, std)]
    return Scale(three[0], three[1])


def _numbers(value: Any) -> tuple[float, ...]:
    if isinstance(value, Tensor):
        value = value.flatten().tolist()
    try:
        return (float(value),) if isinstance(value, int | float) else tuple(map(float, value))
    except (TypeError, ValueError):
        return ()


def not_as_wanted(
    pictures: Tensor, wanted: Wanted, scales: list[Scale], *, where: str
) -> Iterator[Finding]:
    """T104: pictures that enter pretrained weights in another scale than these were trained with.

    Args:
        pictures: `(N, 3, H, W)` as they enter the first layer, which still is the pretrained one.
        wanted: the weights.
        scales: of the data set's transforms.
        where: the loader.
    """
    if pictures.dim() != 4 or pictures.shape[1] != 3 or not pictures.is_floating_point():
        return
    values = pictures.detach().float()
    low, high = (v.cpu() for v in (values.amin((0, 2, 3)), values.amax((0, 2, 3))))
    if len(scales) == 1:
        ends = scales[0].ends()
        room = 0.05 * (ends[1] - ends[0])  # resizing may overshoot a little
        applied = bool(((low >= ends[0] - room) & (high <= ends[1] + room)).all())
        if not applied or float((ends - wanted.scale.ends()).abs().max()) <= TOLERATED:
            return
        seen = f"its pictures are normalised with {scales[0]}"
        white = float(ends[1, 0])
    elif scales or float(low.min()) < 0 or float(high.max() - low.min()) <= 0.5:
        return
    else:
        top = float(high.max())
        if 1.001 < top <= 30 or top > 255:
            return
        white = 1.0 if top <= 1.001 else 255.0
        seen = f"its pictures are not normalised: their values go from {float(low.min()):.2f} to {top:.2f}"
        if float((torch.tensor([[0.0], [white]]) - wanted.scale.ends()).abs().max()) <= TOLERATED:
            return
    mean, std = wanted.scale
    yield found(
        "T104",
        where,
        f"{seen}; {wanted.name} were trained with {wanted.scale}: white in the first channel is "
        f"{white:.2f} here and {float(wanted.scale.ends()[1, 0]):.2f} there",
        "prepare the pictures with weights.transforms(), or end your own transforms with "
        f"Normalize({list(mean)}, {list(std)})",
    )


def _row(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:.3f}" for v in values) + ")"
