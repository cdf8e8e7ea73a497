"""Which parameters learn, and how fast."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lamplighter.errors import ModelError
from lamplighter.models.network import Network

NORMS = (
    _BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
    nn.modules.instancenorm._InstanceNorm,
)


class _StaysInEval:
    """Mixed into a frozen BatchNorm: `train()` of the whole network leaves it in eval mode.

    Without this a frozen backbone would still drift, because BatchNorm's running statistics are
    no parameters and move with each training batch.
    """

    def train(self, mode: bool = True) -> Any:  # noqa: ARG002
        return super().train(False)  # type: ignore[misc]


@cache
def _frozen_class(plain: type) -> type:
    # same name: summaries and the graph show the layer as what it is
    return type(plain.__name__, (_StaysInEval, plain), {"__module__": plain.__module__})


def freeze_backbone(network: Network) -> list[str]:
    """Stops everything but the head from learning, BatchNorm statistics included.

    Args:
        network: changed in place; its backbone's BatchNorm stays in eval mode even after
            `module.train()`, until `unfreeze`.

    Returns:
        The names of the frozen parameters.

    Raises:
        ModelError: no head is known, so freezing would leave nothing to learn.
    """
    if not network.head:
        raise ModelError(
            f"no classifier layer with {network.architecture.outputs} outputs was found in "
            f"{network.architecture.name}, so there is nothing to keep unfrozen",
            where=network.architecture.name,
            fix="use --freeze none, or freeze the layers in your own class",
        )
    head = _head_parameters(network)
    frozen = []
    for name, parameter in network.module.named_parameters():
        parameter.requires_grad_(id(parameter) in head)
        if id(parameter) not in head:
            frozen.append(name)
    for name, layer in network.module.named_modules():
        if isinstance(layer, _BatchNorm) and not _inside(name, network.head):
            if not isinstance(layer, _StaysInEval):
                plain: Any = type(layer)
                layer.__class__ = _frozen_class(plain)
            layer.eval()
    return frozen


def unfreeze(network: Network) -> None:
    """Lets all parameters learn again; BatchNorm follows `train()` and `eval()` again.

    Args:
        network: changed in place; each BatchNorm takes the mode of the whole module.
    """
    for parameter in network.module.parameters():
        parameter.requires_grad_(True)
    for layer in network.module.modules():
        if isinstance(layer, _StaysInEval):
            layer.__class__ = type(layer).__mro__[2]
            layer.train(network.module.training)


def parameter_groups(
    network: Network, lr: float, *, backbone_factor: float = 1.0, weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Sorts all parameters into groups for an optimizer.

    Frozen parameters are included, so that unfreezing later needs no new optimizer; PyTorch's
    optimizers leave a parameter without gradient alone, weight decay included.

    Args:
        network: its head learns at `lr`, the rest at `lr * backbone_factor`; without a known head
            everything learns at `lr`.
        lr: learning rate of the head.
        backbone_factor: 0…1 as a rule.
        weight_decay: for weights; norm parameters and biases get 0.

    Returns:
        Groups with "params", "lr", "weight_decay" and "name"; empty ones are left out, and each
        parameter is in exactly one.
    """
    head = _head_parameters(network)
    spared = _without_decay(network.module)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in network.module.parameters():
        key = (id(parameter) in head or not network.head, id(parameter) in spared)
        groups.setdefault(key, []).append(parameter)
    return [
        {
            "name": ("head" if in_head else "backbone") + (", no decay" if is_spared else ""),
            "params": groups[in_head, is_spared],
            "lr": lr if in_head else lr * backbone_factor,
            "weight_decay": 0.0 if is_spared else weight_decay,
        }
        for in_head, is_spared in sorted(groups, reverse=True)
    ]


def filters_of(network: Network) -> set[int]:
    """The ids of the weights of linear layers and of convolutions in which each filter sees all
    planes, outside the head."""
    found: set[int] = set()
    for name, layer in network.module.named_modules():
        if has_filters(layer) and not _inside(name, network.head):
            found.add(id(layer.weight))
    return found


def has_filters(layer: nn.Module) -> bool:
    """Linear, or a convolution in which each filter sees all planes."""
    return isinstance(layer, nn.Linear | nn.Conv2d) and getattr(layer, "groups", 1) == 1


def _head_parameters(network: Network) -> set[int]:
    heads = [network.module.get_submodule(name) for name in network.head]
    return {id(parameter) for layer in heads for parameter in layer.parameters()}


def _without_decay(module: nn.Module) -> set[int]:
    spared: set[int] = set()
    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if isinstance(layer, NORMS) or "bias" in name.split("_") or parameter.dim() <= 1:
                spared.add(id(parameter))
    return spared


def _inside(name: str, heads: tuple[str, ...]) -> bool:
    return any(name == head or name.startswith(f"{head}.") for head in heads)
