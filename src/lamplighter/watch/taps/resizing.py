"""Masks that are resized by a way that invents values between their own."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from lamplighter.watch.imports import Change, when_imported
from lamplighter.watch.taps.wrapping import Taps, Wrapper

LOOKS = 64  # pictures and feature maps pass here as well
# modules of torchvision that hold `interpolate` under their own name
HOLDERS = (
    "torchvision.transforms._functional_tensor",
    "torchvision.transforms.v2.functional._geometry",
)
WHOLE = ("L", "I", "I;16")  # modes of Pillow that masks are kept in and that may be interpolated


def tap_resizing(taps: Taps) -> None:
    """`interpolate`, wherever it is known, and `resize` of Pillow's pictures."""
    stream = taps.stream
    left = LOOKS

    def make(original: Wrapper) -> Wrapper:
        def interpolate(input: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            result = original(input, *args, **kwargs)
            if left and stream.on and not torch.compiler.is_compiling():
                mode = kwargs.get("mode", args[2] if len(args) > 2 else "nearest")
                if "nearest" not in mode and not input.requires_grad and not input.is_cuda:
                    left -= 1
                    stream.tell("mask_resized", input, result)
            return result

        return interpolate

    def resized(original: Wrapper) -> Wrapper:
        def resize(self: Any, size: Any, resample: Any = None, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            result = original(self, size, resample, *args, **kwargs)
            if left and stream.on and resample != 0 and self.mode in WHOLE:
                left -= 1
                before, after = (torch.from_numpy(np.array(p)) for p in (self, result))
                stream.tell("mask_resized", before, after)
            return result

        return resize

    def change(module: ModuleType) -> None:
        if hasattr(module, "interpolate"):
            taps.replace(module, "interpolate", make)

    def change_pictures(module: ModuleType) -> None:
        taps.replace(module.Image, "resize", resized)

    taps.replace(F, "interpolate", make)
    awaited: dict[str, Change] = {"PIL.Image": change_pictures}
    awaited |= dict.fromkeys(HOLDERS, change)
    taps.undo.append(when_imported(awaited))
