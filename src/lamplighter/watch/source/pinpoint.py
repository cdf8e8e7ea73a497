"""The user's line that a finding of the probe is about."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lamplighter.checks.finding import Finding
from lamplighter.checks.structure import WEIGHTED
from lamplighter.watch.network.models import line_of_layer
from lamplighter.watch.network.trace import (
    cut_after,
    first_difference,
    operations,
    uses_of,
)
from lamplighter.watch.source.arguments import (
    line_of_argument,
    line_without_batch_first,
    only_renamed,
)
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import pointed

if TYPE_CHECKING:
    from lamplighter.watch.network.origins import Origins
    from lamplighter.watch.network.trial import Trial

ROWS = 8


def place_of(finding: Finding, trial: Trial, origins: Origins) -> Place | None:
    """The line to point at.

    Args:
        finding: what a check found on the copy.
        trial: the copy, its batches, and the places that are known.
        origins: where layers were made and weights filled.
    """
    family = finding.code[0]
    if finding.code == "Y105":
        return line_of_argument(trial.loss_place, 1, "target", only_renamed)
    if family == "L" or finding.code in ("Y106", "Y107"):
        return trial.loss_place
    if family == "O":
        return trial.optimizer_place or trial.place
    if family in "DYT":
        return pointed(finding.code, trial.loader_place) or trial.place
    if family == "I" or finding.code == "M108":
        filled = filled_at(finding, trial.model, origins)
        if filled is not None or finding.code == "I103":
            return filled or trial.loss_place
    inside = None
    for rows in (ROWS, None):  # all of them where a network counts on its batch size
        # where the copy cannot be run once more the layer's line is known all the same
        with contextlib.suppress(Exception):
            inside = inside or _inside(finding, trial, origins, rows)
    return inside or line_of_layer(trial.model, finding.where, origins) or trial.place


def filled_at(finding: Finding, model: nn.Module, origins: Origins) -> Place | None:
    """The line that filled the weights a finding is about, where it is not the layer's making."""
    vain = origins.filled_in_vain(model) if finding.code in ("I101", "M108") else None
    if vain is not None:
        return vain
    named = finding.where.split(", ")[0].split(" and ")[0]
    parameter = dict(model.named_parameters()).get(named)
    if parameter is not None and finding.code == "I101":
        own = origins.filling(parameter)
        return own.place if own is not None else None
    owner = named if parameter is None else named.rpartition(".")[0]
    weighted = [n for n, m in model.named_modules() if isinstance(m, WEIGHTED)]
    if owner not in weighted:
        # a ReLU or tanh: what it gets comes from the layer before it
        order = [n for n, _ in model.named_modules()]
        before = order[: order.index(owner)] if owner in order else order
        owner = next((n for n in reversed(before) if n in weighted), "")
    found = origins.last_filling(model.get_submodule(owner)) if owner else None
    found = found or (origins.last_filling(model) if finding.code == "I103" else None)
    return found.place if found is not None else None


def _inside(finding: Finding, trial: Trial, origins: Origins, rows: int | None) -> Place | None:
    """The line in the network's own code, by running the copy again on so many samples."""
    model = trial.double[0]
    inputs = [t[:rows] for t in trial.batches[0][:-1]]
    if finding.code == "M104":
        return line_without_batch_first(_mixing(model, inputs), trial.model)
    if finding.code == "M120":
        table = dict([*model.named_buffers(), *model.named_parameters()]).get(finding.where)
        model.eval()
        return next(
            iter(uses_of(operations(model, inputs), [] if table is None else [table])), None
        )
    if finding.code == "M105":
        return _leaking(model, inputs)
    if finding.code == "M106":
        with torch.no_grad():
            model.eval()
            one, other = (operations(model, inputs, seed=seed) for seed in (0, 1))
        return first_difference(one, other, _differ)
    if finding.code in ("M107", "M114"):
        return _lost(finding, model, inputs)
    if finding.code == "M109":
        in_a_row = _second_of_a_row(finding, trial.model, origins)
        return in_a_row or _second_layer(finding, trial, inputs, origins)
    if finding.code == "M117":
        return _instead(finding, model, inputs)
    return None


def _differ(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return not torch.allclose(one.float(), other.float(), rtol=1e-3, atol=1e-6, equal_nan=True)


def _mixing(model: nn.Module, inputs: list[Tensor]) -> Place | None:
    count = len(inputs[0])
    changed = inputs[0].clone()
    changed[0] = inputs[0][-1].flip(-1) if changed.dim() > 1 else inputs[0][-1]

    def apart(one: Tensor, other: Tensor) -> bool:
        if one.shape != other.shape or not one.dim() or len(one) != count:
            return False
        return _differ(one[1:], other[1:])

    def displaced(one: Tensor, other: Tensor) -> bool:
        if one.shape != other.shape or not one.dim() or len(one) != count:
            return False
        return _differ(one.flip(0), other)

    mixed = _between(model, inputs, [changed, *inputs[1:]], apart)
    return mixed or _between(model, inputs, [t.flip(0) for t in inputs], displaced)


def _leaking(model: nn.Module, inputs: list[Tensor]) -> Place | None:
    tokens = inputs[0]
    last = tokens.shape[1] - 1
    pool = torch.unique(tokens)
    changed = tokens.clone()
    place = torch.searchsorted(pool, tokens[:, -1].contiguous())
    changed[:, -1] = pool[(place + 1) % len(pool)]

    def apart(one: Tensor, other: Tensor) -> bool:
        if one.shape != other.shape or one.dim() < 3 or one.shape[1] != last + 1:
            return False
        return _differ(one[:, :last], other[:, :last])

    return _between(model, inputs, [changed, *inputs[1:]], apart)


def _between(
    model: nn.Module,
    inputs: list[Tensor],
    changed: list[Tensor],
    apart: Callable[[Tensor, Tensor], bool],
) -> Place | None:
    with torch.no_grad():
        model.eval()
        passes = operations(model, inputs), operations(model, changed)
    return first_difference(*passes, apart)


def _lost(finding: Finding, model: nn.Module, inputs: list[Tensor]) -> Place | None:
    """Where a layer's result loses its gradient, else where the layer is called."""
    named = finding.where.split(", ")[0].split(" and ")[0]
    parameter = dict(model.named_parameters()).get(named)
    if parameter is None:
        parameter = next(model.get_submodule(named).parameters(), None)
    if parameter is None:
        return None
    model.train()
    passed = operations(model, inputs)
    lines = uses_of(passed, [parameter])
    return cut_after(passed, parameter) or (lines[-1] if lines else None)


def _second_of_a_row(finding: Finding, model: nn.Module, origins: Origins) -> Place | None:
    """Where the second of two layers in an `nn.Sequential` is made: no line of code calls it."""
    _, _, second = finding.where.partition(" → ")
    owner = model.get_submodule(second.rpartition(".")[0]) if second else None
    return origins.birth(model.get_submodule(second)) if isinstance(owner, nn.Sequential) else None


def _second_layer(
    finding: Finding, trial: Trial, inputs: list[Tensor], origins: Origins
) -> Place | None:
    """The call of the second of two linear layers: there the activation is missing."""
    _, _, second = finding.where.partition(" → ")
    model = trial.double[0]
    layers: list[nn.Module] = [m for m in model.modules() if isinstance(m, WEIGHTED)]
    if second:
        layers = [model.get_submodule(second)]
    matrices = [p for p in model.parameters() if p.dim() == 2 and min(p.shape) > 1]
    weights = [p for m in layers for p in m.parameters()] or matrices  # its own
    lines = uses_of(operations(model, inputs), weights)
    named = [line for line in dict.fromkeys(lines) if line is not None]
    if len(named) > 1 and not second:
        return named[1]
    made = None
    if not second and len(layers) > 1:
        # one line calls them all, as an `nn.Sequential`: the activation is missing where it is built
        own = [m for m in trial.model.modules() if isinstance(m, WEIGHTED)]
        made = origins.birth(own[1])
    return made or (named[0] if named else None)


def _instead(finding: Finding, model: nn.Module, inputs: list[Tensor]) -> Place | None:
    """The second call of a layer just like the one that is never called: its name was meant."""
    forgotten = model.get_submodule(finding.where.split(", ")[0].split(" and ")[0])
    shape = [tuple(p.shape) for p in forgotten.parameters()]
    passed = operations(model, inputs)
    for layer in model.modules():
        alike = type(layer) is type(forgotten) and layer is not forgotten
        if alike and [tuple(p.shape) for p in layer.parameters()] == shape:
            weight = next(layer.parameters(), None)
            lines = uses_of(passed, [] if weight is None else [weight])
            if len(lines) > 1:
                return lines[1]
    return None
