"""Family M, static: what a network holds, without running it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

NORMS = (_BatchNorm, _InstanceNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm)
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear, nn.RNNBase, nn.MultiheadAttention)

MOST_CONVERSIONS = 8  # operations, each of one tensor, after which a weight is still the same one


def hidden_members(model: nn.Module) -> Iterator[tuple[str, nn.Module | nn.Parameter]]:
    """Modules and parameters that the network holds where PyTorch does not look.

    Yields:
        Dotted attribute name and the module or parameter: those in lists, tuples and dicts, and
        those put straight into `__dict__`, that are not registered anywhere else in the network.
    """
    known = {id(m) for m in model.modules()} | {id(p) for p in model.parameters()}
    seen: set[int] = set()
    for owner, module in model.named_modules():
        for name, value in vars(module).items():
            if name.startswith("_") and name in _INNER:
                continue
            where = f"{owner}.{name}" if owner else name
            for place, member in _members(value, where):
                if id(member) not in known and id(member) not in seen:
                    seen.add(id(member))
                    yield place, member


_INNER = frozenset(vars(nn.Module())) - {"training"}


def _members(
    value: Any, where: str, depth: int = 3
) -> Iterator[tuple[str, nn.Module | nn.Parameter]]:
    if isinstance(value, nn.Module | nn.Parameter):
        yield where, value
    elif depth and isinstance(value, list | tuple | set) and len(value) <= 4096:
        for index, item in enumerate(value):
            yield from _members(item, f"{where}[{index}]", depth - 1)
    elif depth and isinstance(value, dict) and len(value) <= 4096:
        for key, item in value.items():
            yield from _members(item, f"{where}[{key!r}]", depth - 1)
    elif depth and (type(value) is SimpleNamespace or is_dataclass(value)):
        yield from _members(getattr(value, "__dict__", None), where, depth - 1)


def layers_not_registered(
    model: nn.Module, *, held: AbstractSet[int] = frozenset(), live: AbstractSet[int] | None = None
) -> Iterator[Finding]:
    """M101: layers or parameters kept in a plain list, tuple or dict.

    Args:
        model: the network.
        held: ids of the parameters that an optimizer holds.
        live: ids of the hidden parameters that were seen to get a gradient; None: not run.
    """
    groups: dict[str, list[nn.Parameter]] = {}
    for place, member in hidden_members(model):
        parameters = list(member.parameters()) if isinstance(member, nn.Module) else [member]
        known = {id(p) for p in model.parameters()}
        own = [p for p in parameters if id(p) not in known]
        if own:
            groups.setdefault(place.split("[")[0], []).extend(own)
    for place, parameters in groups.items():
        wanting = [p for p in parameters if p.requires_grad]
        if live is not None:
            wanting = [p for p in wanting if id(p) in live]
        lost = [p for p in wanting if id(p) not in held]
        count = sum(p.numel() for p in parameters)
        if lost:
            yield found(
                "M101",
                place,
                f"{len(parameters)} tensors with {count:,} weights sit in a plain attribute that "
                "PyTorch does not look into: parameters(), to() and state_dict() miss them, so "
                "they never train",
                "hold layers in nn.ModuleList or nn.ModuleDict, parameters in nn.ParameterList",
            )
        else:
            yield found(
                "M101",
                place,
                f"{len(parameters)} tensors with {count:,} weights are not registered; nothing "
                "trains them here, but to() and state_dict() miss them",
                "use nn.ModuleList if they belong to the model",
                level="info",
            )


def weights_made_anew(shape: Sequence[int], steps: int) -> Iterator[Finding]:
    """M101: a layer is made each time the network is called.

    Args:
        shape: of its weight.
        steps: steps in which it had weights that no earlier one had.
    """
    yield found(
        "M101",
        "a layer made on the way",
        f"the weight {tuple(shape)} is made anew at each call: {steps} steps were taken with "
        f"{steps} different random weights, and none of them learns",
        "make the layer once, in __init__, as an attribute of the network",
    )


def weights_of_nobody(weights: Sequence[Tensor]) -> Iterator[Finding]:
    """M101: weights that a network uses belong to none, and no optimizer holds them.

    Args:
        weights: those of one line.
    """
    count = sum(w.numel() for w in weights)
    yield found(
        "M101",
        "a layer outside the network",
        f"{len(weights)} tensors with {count:,} weights get gradients and belong to no network that "
        "is called and to no optimizer: they still hold the random values they were made with",
        "make the layer an attribute of an nn.Module, which parameters() looks into",
    )


def tensors_as_weights(
    model: nn.Module, *, held: AbstractSet[int] = frozenset()
) -> Iterator[Finding]:
    """M102: a tensor that wants a gradient and is no `nn.Parameter`, or was one before a conversion.

    Args:
        model: the network.
        held: ids of the tensors that an optimizer holds.
    """
    own = {id(p) for p in model.parameters()}
    for owner, module in model.named_modules():
        buffers = [(name, b) for name, b in module.named_buffers(recurse=False)]
        attributes = [(n, v) for n, v in vars(module).items() if isinstance(v, Tensor)]
        for name, value in attributes + buffers:
            if isinstance(value, nn.Parameter) or not value.requires_grad:
                continue
            where = f"{owner}.{name}" if owner else name
            if not value.is_leaf:
                weight = _converted(value)
                if weight is not None and id(weight) not in own | held:
                    yield found(
                        "M102",
                        where,
                        f"a parameter of shape {tuple(value.shape)} was converted after it was "
                        "made, and what the network keeps is the result, a plain tensor: "
                        "parameters() misses it, so no optimizer moves it",
                        f"convert first: self.{name} = nn.Parameter(tensor.to(...))",
                    )
                continue
            yield found(
                "M102",
                where,
                f"a plain tensor of shape {tuple(value.shape)} wants a gradient: parameters() and "
                "to() miss it" + ("" if id(value) in held else ", so no optimizer moves it"),
                f"write self.{name} = nn.Parameter(...)",
                level="warning" if id(value) in held else None,
            )


def _converted(value: Tensor) -> Tensor | None:
    """The parameter that a tensor was made of alone, as by `nn.Parameter(…).double()` or `- 0.5`."""
    node: Any = value.grad_fn
    for _ in range(MOST_CONVERSIONS):
        if node is None or hasattr(node, "variable"):
            break
        before = [one for one, _ in node.next_functions if one is not None]
        node = before[0] if len(before) == 1 else None
    weight = getattr(node, "variable", None)
    return weight if isinstance(weight, nn.Parameter) else None


def layers_repeated(model: nn.Module) -> Iterator[Finding]:
    """M103: one layer with weights stands at several places of a container, or under counted names.

    Counted names are those that differ by the number at their end alone, as `block0`, `block1` and
    `block2`; two may be the branches of a pair that is to be treated alike.
    """
    for owner, module in model.named_modules():
        several = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
        places: dict[tuple[Any, ...], list[str]] = {}
        for name, child in module._modules.items():
            stem = name.rstrip("0123456789")
            if not several and stem in ("", name):
                continue
            mine = tuple(id(p) for p in child.parameters()) if child is not None else ()
            if mine:  # copy.copy of a layer is another layer with the same weights
                places.setdefault((*mine, "" if several else stem), []).append(name)
        for names in places.values():
            if len(names) > (1 if several else 2):
                child = module._modules[names[0]]
                yield found(
                    "M103",
                    owner or type(module).__name__,
                    f"its entries {', '.join(names)} are one and the same {type(child).__name__}, "
                    f"so {len(names)} layers share one set of weights",
                    "make each one anew: [Layer() for _ in range(n)] instead of [Layer()] * n",
                )


def output_layer(model: nn.Module, order: Sequence[str] = ()) -> str:
    """Name of the last layer with a weight matrix: in order of use where known, else of definition."""
    modules = dict(model.named_modules())
    named = [n for n in (order or modules) if isinstance(modules.get(n), WEIGHTED)]
    return named[-1] if named else ""


def output_is_tied(model: nn.Module) -> bool:
    """Whether an embedding shares its weight with a linear layer, so that logits begin large."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    return any(isinstance(m, nn.Linear) and id(m.weight) in tables for m in model.modules())


def looks_untrained(weight: Tensor) -> bool:
    """Whether a weight still looks like the default uniform initialisation of Linear and Conv.

    The default draws evenly from ±1/sqrt(fan_in); a trained weight passes the bound or loses the
    even spread.

    Args:
        weight: `(out, in, ...)`.
    """
    if weight.dim() < 2 or weight.numel() < 64:
        return False
    bound = 1 / math.sqrt(weight[0].numel())
    values = weight.detach().float()
    if float(values.abs().max()) > bound * 1.0001:
        return False
    expected = bound / math.sqrt(3)
    return abs(float(values.std()) / expected - 1) < 4 / math.sqrt(weight.numel()) + 0.02


def is_random(weight: Tensor) -> bool:
    """Whether a weight is neither constant nor made of directions at right angles, as some fix them.

    Args:
        weight: `(out, in, ...)`, as it was filled.
    """
    rows = weight.detach().float().flatten(1)
    if len(rows) < 2 or not float(rows.std()) > 0 or not bool(rows.all()):
        return False
    angles = (
        torch.nn.functional.normalize(rows, dim=1) @ torch.nn.functional.normalize(rows, dim=1).T
    )
    return float((angles - torch.eye(len(rows)).to(angles)).abs().max()) > 1e-3


def _is_copy(weight: Tensor, model: nn.Module) -> bool:
    """Whether some weight that learns is much the same: a copy that follows it is frozen on purpose."""
    own = weight.detach()
    learning = (p.detach() for p in model.parameters() if p.requires_grad and p.shape == own.shape)
    return any(float((p - own).norm()) < 0.5 * float(p.norm()) for p in learning)


def output_frozen(
    model: nn.Module,
    *,
    order: Sequence[str] = (),
    others_learn: bool = False,
    as_filled: Callable[[Tensor], bool] | None = None,
) -> Iterator[Finding]:
    """M110: the output layer is frozen while it still holds random values, or nothing can learn.

    Args:
        model: the network.
        order: names of modules in the order they were called, where known.
        others_learn: whether something beside the network can learn, as a head of its own, or the
            network has learned before; then it may be frozen as a whole.
        as_filled: whether a weight is known to hold the values that it was filled with.
    """
    parameters = list(model.named_parameters())
    trainable = [name for name, p in parameters if p.requires_grad]
    if not parameters:
        return
    if not trainable:
        if others_learn:
            return
        yield found(
            "M110",
            "model",
            f"all {len(parameters)} parameters have requires_grad=False: nothing can learn",
            "unfreeze at least the output layer, after the loop that freezes",
        )
        return
    name = output_layer(model, order)
    layer = dict(model.named_modules()).get(name)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.requires_grad or _is_copy(weight, model):
        return
    if looks_untrained(weight) or (as_filled and as_filled(weight) and is_random(weight)):
        norms = {n for n, m in model.named_modules() if isinstance(m, NORMS)}
        only_norms = all(n.rpartition(".")[0] in norms for n in trainable)
        yield found(
            "M110",
            name,
            "the output layer is frozen and its weights still are those of its random "
            "initialisation" + (", and only normalisation layers can learn" if only_norms else ""),
            f"set requires_grad=True on the parameters of {name}",
        )


def statistics_never_learned(model: nn.Module, *, trained: bool = False) -> Iterator[Finding]:
    """M113: a BatchNorm cannot learn its running statistics, or has not after training.

    Args:
        model: the network.
        trained: whether it has been trained, so that running statistics must have moved.
    """
    for name, module in model.named_modules():
        if not isinstance(module, _BatchNorm) or not module.track_running_stats:
            continue
        mean, variance = module.running_mean, module.running_var
        if mean is None or variance is None:
            continue
        fresh = bool((mean == 0).all()) and bool((variance == 1).all())
        if module.momentum == 0.0 and fresh:
            reason = "momentum=0 keeps its running statistics at 0 and 1"
        elif trained and fresh:
            reason = "its running statistics are still 0 and 1 after training"
        else:
            continue
        yield found(
            "M113",
            name,
            f"{reason}, so at evaluation it does not normalise",
            "leave momentum at 0.1 (it is the share of the new value), and train in train() mode",
        )


def frozen_norm_learns(model: nn.Module, moved: set[str]) -> Iterator[Finding]:
    """M112: a BatchNorm with frozen weights still updates its running statistics.

    Args:
        model: the network.
        moved: names of the BatchNorms whose statistics moved in a training step.
    """
    frozen = [
        name
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and module.affine
        and not any(p.requires_grad for p in module.parameters(recurse=False))
        and name in moved
    ]
    if frozen:
        yield found(
            "M112",
            frozen[0] + (f" and {len(frozen) - 1} more" if len(frozen) > 1 else ""),
            f"{len(frozen)} BatchNorm layers are frozen, yet their running statistics move with "
            "each training batch: the frozen features change",
            "call eval() on the frozen BatchNorm layers after each model.train()",
        )


def frozen_part_changed(
    before: dict[str, Tensor], model: nn.Module, declared: Sequence[str]
) -> Iterator[Finding]:
    """M111: parameters that were declared frozen are not what they were.

    Args:
        before: name → value when the declaration was made.
        model: the network now.
        declared: prefixes of the names that are to stay.
    """
    for name, parameter in model.named_parameters():
        if not any(f"{name}.".startswith(p.rstrip(".") + ".") for p in declared):
            continue
        old = before.get(name)
        if old is not None and not torch.equal(old, parameter.detach()):
            yield found(
                "M111",
                name,
                f"declared frozen, yet changed by up to {float((old - parameter.detach()).abs().max()):.3g}",
                "set requires_grad=False before building the optimizer; weight decay and momentum "
                "move weights too",
            )
