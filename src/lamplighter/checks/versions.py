"""Versions of torch in which something that a network uses is known to compute wrong numbers: V102."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a network runs.

    Args:
        torch: its version.
        device: "cpu", "cuda", "mps", …
        chip: the GPU's name where it is Apple's, else empty.
    """

    torch: str
    device: str
    chip: str = ""


@dataclass(frozen=True, slots=True)
class KnownBad:
    """One fault of some versions of torch.

    Args:
        since: the first version with it.
        mended: the first version without it.
        uses: the name of a layer that meets it; empty: none does.
        wrong: what goes wrong.
        source: where it was reported and confirmed.
    """

    since: tuple[int, int]
    mended: tuple[int, int]
    uses: Callable[[nn.Module, Surroundings], str]
    wrong: str
    source: str


def _long_products(model: nn.Module, around: Surroundings) -> str:
    """A linear layer that sums over more entries than a tile of Apple's first GPUs can count."""
    if around.device != "mps" or not any(f"Apple {name}" in around.chip for name in ("M1", "M2")):
        return ""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and layer.in_features >= 32767 and layer.out_features >= 16:
            return name or "the network"
    return ""


# only what was confirmed there, and in versions that Lamplighter runs with
KNOWN_BAD = (
    KnownBad(
        (2, 7),
        (2, 14),
        _long_products,
        "on M1 and M2 GPUs a product over 32,767 or more inputs can add what lies in memory behind "
        "them",
        "https://github.com/pytorch/pytorch/issues/193487",
    ),
)


def surroundings(device: torch.device) -> Surroundings:
    """What runs here."""
    # not every version of torch can tell it; without a name nothing is said
    name = getattr(torch.backends.mps, "get_name", str)
    chip = name() if device.type == "mps" else ""
    return Surroundings(str(torch.__version__), device.type, chip)


def known_bad(model: nn.Module, around: Surroundings) -> Iterator[Finding]:
    """V102: this version of torch computes something wrong that the network uses here.

    Args:
        model: the network.
        around: where it runs.
    """
    major, minor = around.torch.split(".")[:2]
    for fault in KNOWN_BAD:
        is_bad = fault.since <= (int(major), int(minor)) < fault.mended
        where = fault.uses(model, around) if is_bad else ""
        if where:
            wanted = ".".join(map(str, fault.mended))
            yield found(
                "V102",
                where,
                f"with torch {around.torch} {fault.wrong}; no error is raised ({fault.source})",
                f'python -m pip install --upgrade "torch>={wanted}" torchvision, or train on '
                "another device",
            )
