"""torchvision's transforms that a whole batch can go through at once, with the same results.

They are known by their exact type and settings; a subclass, a function or another setting is not
guessed at. What computes is the person's own object, or the operation that it stands for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lamplighter.images.augment import flip, shift


def _no_draws(count: int, generator: torch.Generator) -> None:  # noqa: ARG001
    return None


@dataclass(frozen=True)
class Step:
    """One transform.

    Args:
        apply: pictures [B, C, H, W] and what was drawn for them → pictures.
        draw: what is drawn for all examples of an epoch; None where nothing is.
    """

    apply: Callable[[Tensor, Any], Tensor]
    draw: Callable[[int, torch.Generator], Tensor | None] = _no_draws


def steps_of(transform: Any, size: tuple[int, int]) -> tuple[Step, ...] | None:
    """The steps of a transform of pictures; None where any part of it is not known.

    Args:
        transform: of a data set; what comes out has to be a tensor.
        size: height and width of the pictures that go in, which are Pillow's.
    """
    kinds = _kinds()
    known: list[tuple[Any, str]] = []
    for one in _flat(transform, kinds):
        name = kinds.get(type(one), "")
        if not name:
            return None
        known.append((one, name))
    steps: list[Step] = []
    state = "Pillow's"  # and then "bytes" or "floats", as tensors
    for one, name in known:
        made = _step(one, name, state, size)
        if made is None:
            return None
        step, state = made
        steps.append(step)
    return None if state == "Pillow's" else tuple(steps)


def _kinds() -> dict[type, str]:
    """The classes that are known, of both of torchvision's interfaces as far as it was imported."""
    known = (
        "Compose", "ToTensor", "ToImage", "PILToTensor", "ToDtype", "ConvertImageDtype",
        "Normalize", "RandomHorizontalFlip", "RandomCrop",
    )  # fmt: skip
    rooms = [sys.modules.get(f"torchvision.transforms{room}") for room in ("", ".v2")]
    return {
        getattr(room, name): name
        for room in rooms
        for name in known
        if room and hasattr(room, name)
    }


def _flat(transform: Any, kinds: dict[type, str]) -> list[Any]:
    if kinds.get(type(transform)) != "Compose":
        return [transform]
    return [one for part in transform.transforms for one in _flat(part, kinds)]


def _step(one: Any, name: str, state: str, size: tuple[int, int]) -> tuple[Step, str] | None:
    """A transform as a step, and what there is after it; None where it does not fit."""
    pillow = state == "Pillow's"
    if name == "ToTensor" and pillow:
        return Step(_to_tensor), "floats"
    if name in ("ToImage", "PILToTensor") and pillow:
        return Step(lambda images, _: images), "bytes"
    if name in ("ToDtype", "ConvertImageDtype") and not pillow:
        dtype = one.dtype
        if isinstance(dtype, torch.dtype) and dtype.is_floating_point:
            return Step(lambda images, _: one(images)), "floats"
    if name == "Normalize" and state == "floats":
        return _normalised(one), "floats"
    if name == "RandomHorizontalFlip":
        return Step(flip, lambda n, generator: torch.rand(n, generator=generator) < one.p), state
    if name == "RandomCrop" and (border := _border(one, size)) is not None:
        return _shifted(one, border), state
    return None


def _to_tensor(images_BCHW: Tensor, _: Any) -> Tensor:
    # torchvision.transforms.functional.to_tensor, for bytes
    return images_BCHW.to(torch.get_default_dtype()).div(255)


def _normalised(one: Any) -> Step:
    """The transform itself on the CPU. On a GPU it would copy mean and deviation for each batch, which
    waits for all that is queued: there they are copied once, and the arithmetic is the same."""
    made: dict[torch.device, list[Tensor]] = {}

    def apply(images_BCHW: Tensor, _: Any) -> Tensor:
        device = images_BCHW.device
        if device.type == "cpu":
            return one(images_BCHW)
        if device not in made:
            figures = [
                torch.as_tensor(each, dtype=images_BCHW.dtype) for each in (one.mean, one.std)
            ]
            made[device] = [each.view(-1, 1, 1).to(device) for each in figures]
            return one(images_BCHW)  # it has an error for wrong ones
        mean, deviation = made[device]
        return images_BCHW.sub(mean).div_(deviation)

    return Step(apply)


def _border(one: Any, size: tuple[int, int]) -> int | None:
    """Pixels of border around a random crop of the picture's own size; None for any other crop."""
    padding = one.padding
    sides = [0] if padding is None else [padding] if isinstance(padding, int) else list(padding)
    alike = len(set(sides)) == 1 and isinstance(sides[0], int)
    if not alike or tuple(one.size) != size or one.pad_if_needed:
        return None
    plain = one.padding_mode == "constant" and isinstance(one.fill, int) and one.fill == 0
    mirrored = one.padding_mode == "reflect" and sides[0] < min(size)
    return sides[0] if sides[0] >= 0 and (plain or mirrored) else None


def _shifted(one: Any, border: int) -> Step:
    reflected = one.padding_mode == "reflect"

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(0, 2 * border + 1, (count, 2), generator=generator)

    def apply(images_BCHW: Tensor, offsets_B2: Tensor) -> Tensor:
        return shift(images_BCHW, offsets_B2, border, reflected=reflected)

    return Step(apply, draw)
