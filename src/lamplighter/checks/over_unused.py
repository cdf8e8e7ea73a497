"""Results of layers, and inputs, that change no answer: M114."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lamplighter.checks import behaviour
from lamplighter.checks.batches import Batch, tensors_in
from lamplighter.checks.finding import Finding
from lamplighter.checks.over_answers import ROWS, answer_to
from lamplighter.checks.probe import Prober
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import seed_all

SUSPECTS = 4
NUDGE = 0.05  # by how much each weight is moved, at most


def look_at_unused(setup: Setup) -> Iterator[Finding]:
    """Results of layers, and inputs, that change no answer."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or evidence.loss is None:
        return
    batch = prober.cut(evidence.batch, ROWS)
    suspects = [key for key, was_reached in evidence.reached.items() if not was_reached]
    for name, call in suspects[:SUSPECTS]:
        module = setup.model.get_submodule(name)
        if not _noise_matters(prober, batch, module, call):
            has_weights = any(True for _ in module.parameters())
            yield from behaviour.result_ignored(name, has_weights=has_weights, call=call)
    if isinstance(batch.inputs, dict | tuple):
        yield from _look_at_inputs(prober, batch)


def _noise_matters(prober: Prober, batch: Batch, module: nn.Module, call: int) -> bool:
    """Whether any answer moves when noise is added to one call of a layer."""
    count = 0

    def add_noise(_module: nn.Module, _args: object, output: object) -> object:
        nonlocal count
        count += 1
        if count != call or not isinstance(output, Tensor) or not output.is_floating_point():
            return None
        return output + torch.linspace(1, 2, output.numel()).reshape(output.shape).to(output)

    if prober.model.training is False:
        prober.model.train()
    with torch.no_grad():
        seed_all(0)
        before = [t.clone() for t in tensors_in(prober.answer(batch))]
        handle = module.register_forward_hook(add_noise)
        try:
            seed_all(0)
            after = list(tensors_in(prober.answer(batch)))
        finally:
            handle.remove()
    if count < call or len(before) != len(after):
        return True
    return any(behaviour.differ(x, y) for x, y in zip(before, after, strict=True))


def _look_at_inputs(prober: Prober, batch: Batch) -> Iterator[Finding]:
    suspects = []
    for number, name in _named(batch.inputs):
        influence = _influence(prober, batch, number)
        if influence is None:
            return
        if influence == 0:
            suspects.append((number, name))
    if not suspects:
        return
    # A layer that begins at zero lets nothing through yet, as the last one of a diffusion model and
    # those that bring in a condition: no weight is zero any more, and it is asked again.
    with torch.no_grad():
        for parameter in prober.named.values():
            parameter.add_(torch.empty_like(parameter).uniform_(-NUDGE, NUDGE))
    found = [(name, _influence(prober, batch, number)) for number, name in suspects]
    prober.put_back()
    for name, influence in found:
        if influence is not None:
            yield from behaviour.input_ignored(name, influence)


def _influence(prober: Prober, batch: Batch, number: int) -> float | None:
    """How far answers move when an input is exchanged between samples; None: not to be compared."""
    value = list(tensors_in(batch.inputs))[number]
    with torch.no_grad():
        plain = answer_to(prober, batch, seed=0)
        other = answer_to(prober, batch.with_tensor(number, value.flip(0)), seed=0)
    if plain is None or other is None or plain.shape != other.shape:
        return None
    return float((plain - other).abs().max())


def _named(inputs: dict[str, object] | tuple[object, ...]) -> Iterator[tuple[int, str]]:
    """The inputs, counted from 0, that differ between samples, with what they are called.

    Of positional ones those that hold amounts.
    """
    named = isinstance(inputs, dict)
    parts = inputs.items() if isinstance(inputs, dict) else enumerate(inputs, 1)
    number = -1
    for name, value in parts:
        first = number + 1
        number += sum(1 for _ in tensors_in(value))
        if not isinstance(value, Tensor) or value.dim() == 0 or value.shape[0] < 2:
            continue
        if bool((value == value[:1]).all()) or name == "labels":
            continue
        if named or (value.is_floating_point() and value.dim() > 1):
            yield first, str(name) if named else f"input {name}"
