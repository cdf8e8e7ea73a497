"""A network ready for work: the module, what it is made of, and the pictures that it expects."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from lamplighter.models.architecture import Architecture


@dataclass(frozen=True)
class Wants:
    """The input that the weights were made for; None where the network does not care.

    Args:
        size: height and width in pixels of the picture that enters the network.
        resize: length in pixels of the shorter side before the centre is cut out.
        mean: per channel, for pixels scaled to 0…1.
        std: per channel, for pixels scaled to 0…1.
        interpolation: "bilinear", "bicubic" or "nearest".
    """

    size: int | None = None
    resize: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: str | None = None


@dataclass
class Network:
    """A module together with what training and prediction must know about it.

    Args:
        module: takes images_BCHW (float), gives outputs_BK.
        architecture: how to build it again.
        head: names of the modules that form the classifier head; empty when unknown.
        wants: the input that fits the weights.
        pretrained: whether weights were loaded.
        min_size: smallest height and width in pixels that it can take; None when unknown.
        fixed_size: the only height and width that it takes; None when it is free.
    """

    module: nn.Module
    architecture: Architecture
    head: tuple[str, ...] = ()
    wants: Wants = field(default_factory=Wants)
    pretrained: bool = False
    min_size: int | None = None
    fixed_size: int | None = None
