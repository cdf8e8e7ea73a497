"""Networks of the timm library, when it is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

from torch import nn

from lamplighter.errors import ModelError, UnknownName, UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.models.network import Wants

PREFIX = "timm:"


def installed() -> bool:
    """Whether timm can be imported."""
    return importlib.util.find_spec("timm") is not None


def _timm() -> Any:
    if not installed():
        raise UsageError(
            "networks named timm:… need the timm library, which is not installed",
            where=PREFIX,
            fix="pip install 'lamplighter[timm]'",
        )
    import timm

    return timm


def _known(name: str) -> Any:
    """timm, after making sure that `name` is in its own table and no address of something else."""
    timm = _timm()
    if not timm.is_model(name.partition(".")[0]):
        raise UnknownName("timm network", name, timm.list_models(), fix=f"lamp models {PREFIX}")
    return timm


def search(text: str) -> list[str]:
    """timm's names that contain `text`.

    Raises:
        UsageError: timm is not installed.
        UnknownName: none does.
    """
    names: list[str] = _timm().list_models()
    found = [name for name in names if text.lower() in name]
    if not found:
        raise UnknownName(
            "timm network",
            text,
            names,
            where="models",
            fix="lamp models timm:WORD searches the names of timm",
        )
    return found


def make(
    name: str, outputs: int, channels: int, *, pretrained: bool = False, listener: Listener = SILENT
) -> nn.Module:
    """Builds a network of timm's table.

    Args:
        name: timm's name, such as "resnet18" or "resnet18.a1_in1k".
        outputs: classes.
        channels: planes of the input.
        pretrained: fetch timm's published weights (from timm's own addresses).
        listener: hears from where.

    Raises:
        UsageError: timm is not installed, or does not know the name.
        ModelError: the weights could not be fetched.
    """
    timm = _known(name)
    if pretrained:
        listener.say(f"asking timm for the published weights of {name}")
    try:
        return timm.create_model(
            name, pretrained=pretrained, num_classes=outputs, in_chans=channels
        )
    except Exception as error:
        # hub, network and cache faults come as a dozen foreign classes
        wish = "its published weights" if pretrained else "that number of classes and channels"
        raise ModelError(
            f"timm could not build {name} with {wish}: {str(error).splitlines()[0][:300]}",
            where=PREFIX + name,
            fix="start untrained with --weights none, or give a file with --weights FILE",
        ) from error


def head_of(module: nn.Module) -> tuple[str, ...]:
    """The name of the layer that timm calls the classifier, if there is one."""
    try:
        classifier = module.get_classifier()  # type: ignore[operator]
    except (AttributeError, TypeError):
        return ()
    return tuple(name for name, layer in module.named_modules() if layer is classifier)


def wants_of(module: nn.Module, *, pretrained: bool) -> tuple[Wants, int | None]:
    """What timm's own settings say about the input.

    Args:
        module: made by `make`.
        pretrained: without weights only a fixed size counts.

    Returns:
        The wishes, and the only size in pixels that it takes, if there is one.
    """
    facts: dict[str, Any] = getattr(module, "pretrained_cfg", None) or {}
    size = int(facts["input_size"][-1]) if facts.get("input_size") else None
    fixed = size if facts.get("fixed_input_size") else None
    if not pretrained:
        return Wants(size=fixed), fixed
    wants = Wants(
        size=size,
        resize=round(size / (facts.get("crop_pct") or 1.0)) if size else None,
        mean=tuple(facts["mean"]) if facts.get("mean") else None,
        std=tuple(facts["std"]) if facts.get("std") else None,
        interpolation=facts.get("interpolation"),
    )
    return wants, fixed
