"""Targets as they enter the loss of the probe steps, against the inputs of the same step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from lamplighter.checks import labels
from lamplighter.checks.copying import target_copied
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.losses_seen import LossCall
from lamplighter.checks.over_answers import answer_to
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import seed_all


def look_at_targets(setup: Setup) -> Iterator[Finding]:
    """Targets as they enter the loss, against the inputs and the number of outputs."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None:
        return
    for call in evidence.calls:
        if call.name not in ("cross_entropy", "nll_loss") or call.target.is_floating_point():
            continue
        if call.input.dim() >= 2 and not _predicts_tokens(setup.model, call.input.shape[1]):
            counted = torch.tensor(setup.labels) if setup.labels else call.target
            yield from labels.labels_begin_at_one(counted, call.input.shape[1])
        tokens = evidence.batch.first
        if tokens is None or tokens.is_floating_point() or tokens.dim() != 2:
            continue
        ignore = call.ignore_index
        ask = partial(answer_to, prober, seed=0)
        yield from target_copied(ask, evidence.batch, call.target, ignore_index=ignore)
        yield from labels.target_shifted_twice(tokens, call.target, ignore_index=ignore)
        effect = _padding_has_effect(setup, call, tokens)
        yield from labels.padding_counted(tokens, call.target, ignore_index=ignore, effect=effect)
    answer, targets = evidence.answer, evidence.batch.targets
    as_classes = any(
        c.name == "cross_entropy" and not c.target.is_floating_point() for c in evidence.calls
    )
    if isinstance(targets, Tensor) and answer is not None and answer.dim() == 4 and as_classes:
        yield from labels.mask_values_invented(targets, answer.shape[1])


def _predicts_tokens(model: nn.Module, classes: int) -> bool:
    """Whether the classes are tokens, of which 0 is kept for the padding and may never be asked for."""
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding)]
    return any(table.num_embeddings == classes for table in tables)


def _padding_has_effect(setup: Setup, call: LossCall, tokens: Tensor) -> bool:
    """Whether the loss moves when the outputs at padded places move."""
    evidence, prober = setup.evidence, setup.prober
    weight = call.options.get("weight")
    places = labels.padded_places(tokens)
    if places is None or evidence is None or prober is None or isinstance(weight, Tensor):
        return False
    answer = answer_in(evidence.output)
    if answer is None or answer.dim() != 3 or answer.shape[:2] != tokens.shape:
        return bool(call.options.get("reduction", "mean") != "none")
    if answer is not evidence.output:
        return bool(call.options.get("reduction", "mean") != "none")
    with torch.no_grad():
        moved = answer.detach().clone()
        moved[places] = moved[places].flip(-1) + 1.0 * torch.arange(moved.shape[-1]).to(moved)
        losses = []
        for output in (answer.detach(), moved):
            seed_all(0)
            result = prober.compute_loss(output, evidence.batch)
            losses.append(0.0 if result is None else float(result.sum()))
    return bool(abs(losses[0] - losses[1]) > 1e-6 * (1 + abs(losses[0])))
