"""First values of weights, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection

from torch import Tensor, nn

from lamplighter.errors import UnknownName
from lamplighter.listener import SILENT, Listener

# standard deviation that AlexNet and many courses use
NORMAL_STD = 0.01
LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def _kaiming(weight: Tensor) -> Tensor:
    return nn.init.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu")


def _normal(weight: Tensor) -> Tensor:
    return nn.init.normal_(weight, mean=0.0, std=NORMAL_STD)


INITIALISATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "default": None,
    "xavier": nn.init.xavier_uniform_,
    "kaiming": _kaiming,
    "normal": _normal,
}


def initialise(
    module: nn.Module,
    name: str,
    *,
    skip: Collection[str] = (),
    listener: Listener = SILENT,
) -> list[str]:
    """Gives linear and convolution layers new first values; biases become 0.

    Args:
        module: changed in place.
        name: "default" (leaves every layer's own), "xavier" (uniform), "kaiming" (normal, for
            ReLU) or "normal" (standard deviation 0.01).
        skip: names of tensors that came from a file of weights and stay.
        listener: hears which layers.

    Returns:
        The names of the layers that were changed.

    Raises:
        UnknownName: no such initialisation.

    Source: Glorot and Bengio 2010; He et al. 2015 (arXiv 1502.01852).
    """
    if name not in INITIALISATIONS:
        raise UnknownName(
            "initialisation", name, INITIALISATIONS, where="--init", fix="--init default"
        )
    fill = INITIALISATIONS[name]
    if fill is None:
        return []
    changed = []
    for path, layer in module.named_modules():
        key = f"{path}.weight" if path else "weight"
        if not isinstance(layer, LAYERS) or key in skip:
            continue
        fill(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        changed.append(path)
    listener.say(f"initialised {len(changed)} layers with {name}: {_shown(changed)}")
    return changed


def _shown(names: list[str]) -> str:
    return ", ".join(names[:4]) + ("…" if len(names) > 4 else "") or "none is of a kind it fits"
