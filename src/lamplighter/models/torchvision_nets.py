"""torchvision's classification networks: their names, their weights' facts, and how to build them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from torch import nn

from lamplighter.errors import ModelError
from lamplighter.light_import import import_torchvision
from lamplighter.models.network import Wants

# both compute extra outputs while training; the plain classifier is what a training loop expects
WITH_AUXILIARY = ("googlenet", "inception_v3")
AUXILIARY_KEYS = ("aux1.", "aux2.", "AuxLogits.")
FIXED_SIZE = ("vit_", "maxvit_")
# sizes from which a picture passes all layers, where torchvision's own table is too careful
SMALLEST: dict[str, int] = {"swin_": 4, "efficientnet_v2_": 1}


def _models() -> Any:
    """torchvision's networks, imported when one is asked for."""
    import_torchvision()
    from torchvision import models

    return models


@cache
def classifier_names() -> tuple[str, ...]:
    """All classification networks of the installed torchvision, sorted."""
    return tuple(sorted(_models().list_models(module=_models())))


def default_weights(name: str) -> Any:
    """torchvision's own choice of weights for a network: a member of its weights enumeration."""
    return _models().get_model_weights(name).DEFAULT


def wants_of(name: str, channels: int) -> Wants:
    """What the default weights' own transforms say about the input.

    googlenet and inception_v3 were trained on pictures normalised with 0.5 and 0.5; torchvision
    converts inside the network, Lamplighter says so here instead, which gives the same numbers.

    Args:
        name: a key of `classifier_names()`.
        channels: for anything but 3 the statistics of the colours are averaged.
    """
    transforms = default_weights(name).transforms()
    mean, std = tuple(transforms.mean), tuple(transforms.std)
    if name in WITH_AUXILIARY:
        mean, std = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    if channels != 3:
        mean = (round(sum(mean) / len(mean), 4),) * channels
        std = (round(sum(std) / len(std), 4),) * channels
    return Wants(
        size=int(transforms.crop_size[0]),
        resize=int(transforms.resize_size[0]),
        mean=mean,
        std=std,
        interpolation=str(transforms.interpolation.value),
    )


def min_size_of(name: str, options: Mapping[str, Any]) -> int:
    """The smallest height and width in pixels that the network takes."""
    if fixed := fixed_size_of(name, options):
        return fixed
    for family, smallest in SMALLEST.items():
        if name.startswith(family):
            return smallest
    return int(default_weights(name).meta["min_size"][0])


def fixed_size_of(name: str, options: Mapping[str, Any]) -> int | None:
    """The only size that a network with position embeddings takes; None for all the others."""
    if not name.startswith(FIXED_SIZE):
        return None
    return int(options.get("size", 224))


def make(name: str, outputs: int, channels: int, options: Mapping[str, Any]) -> nn.Module:
    """Builds an untrained network with its head and its first convolution made to measure.

    Args:
        name: a key of `classifier_names()`.
        outputs: classes.
        channels: planes of the input.
        options: {"size": pixels} for the networks with position embeddings.

    Raises:
        ModelError: torchvision refuses the size.
    """
    settings: dict[str, Any] = {"weights": None, "num_classes": outputs}
    if name in WITH_AUXILIARY:
        settings |= {"aux_logits": False, "init_weights": True, "transform_input": False}
    size = options.get("size")
    if size is not None:
        settings |= {"image_size": size} if name.startswith("vit_") else {"input_size": (size,) * 2}
    try:
        module = _models().get_model(name, **settings)
    except (ValueError, AssertionError, RuntimeError) as error:
        if size is None:
            raise
        multiple = 224 if name.startswith("maxvit_") else int(name.rsplit("_", 1)[1])
        raise ModelError(
            f"{name} cannot be built for pictures of {size}×{size}: {error}",
            where=name,
            fix=f"use a --size that is a multiple of {multiple}",
        ) from error
    if channels != 3:
        replace_first_convolution(module, channels)
    return module


def head_of(module: nn.Module, outputs: int) -> tuple[str, ...]:
    """The name of the last linear or convolution layer that gives `outputs` numbers, if any."""
    found: tuple[str, ...] = ()
    for name, layer in module.named_modules():
        leaving = getattr(layer, "out_features", getattr(layer, "out_channels", None))
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and leaving == outputs:
            found = (name,)
    return found


def replace_first_convolution(module: nn.Module, channels: int) -> None:
    """Puts a convolution for `channels` planes in place of the first one, else alike."""
    name, old = first_convolution(module)
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        old.dilation,  # type: ignore[arg-type]
        bias=old.bias is not None,
        padding_mode=old.padding_mode,
    )
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, new)


def first_convolution(module: nn.Module) -> tuple[str, nn.Conv2d]:
    """Name and layer of the convolution that reads the picture.

    Raises:
        ModelError: there is no convolution.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d):
            return name, layer
    raise ModelError(
        "the network has no convolution that could read other channels than three",
        fix="--channels rgb: grey pictures are shown to it in three equal channels",
    )
