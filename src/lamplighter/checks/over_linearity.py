"""Whether a network, or a part of it, is a linear map: M109."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lamplighter.checks import behaviour
from lamplighter.checks.batches import Batch
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.over_answers import answer_to
from lamplighter.checks.probe import Prober
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import copied, seed_all
from lamplighter.checks.structure import WEIGHTED


def look_at_linearity(setup: Setup) -> Iterator[Finding]:
    """Whether the whole network, or a pair of layers, is a linear map.

    Asked of the network as the probe steps left it, because a residual branch that begins at zero
    is linear before the first step.
    """
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None:
        return
    pairs = evidence.forward.adjacent
    batch = evidence.batch
    layers = [
        m
        for n, m in setup.model.named_modules()
        if isinstance(m, WEIGHTED) and n in evidence.called
    ]
    count = len(layers) + len(_own_matrices(setup.model))
    moved = evidence.steps >= 3 or bool(pairs)
    if moved and prober.takes_fewer and isinstance(batch.inputs, Tensor) and count >= 2:
        told = list(_look_for_affine(setup, prober, batch.inputs, count))
        if told:
            yield from told
            return
    yield from behaviour.neighbours_are_linear(pairs)


def _own_matrices(model: nn.Module) -> list[Tensor]:
    """Matrices that the program's own modules multiply with."""
    own = [m for m in model.modules() if not type(m).__module__.startswith("torch.")]
    found = [p for m in own for p in m.parameters(recurse=False)]
    return [p for p in found if p.dim() == 2 and min(p.shape) > 1]


def _look_for_affine(
    setup: Setup, prober: Prober, inputs: Tensor, layers: int
) -> Iterator[Finding]:
    if not inputs.is_floating_point() or inputs.shape[0] < 3:
        return
    if not bool(torch.isfinite(inputs).all()):
        return
    apart = _three_apart(inputs)
    if apart is None:
        return  # a + b − a would be b, whatever the network does
    a, b, c = apart
    four = torch.stack([a, b, c, a + b - c])
    with torch.no_grad():
        quick = answer_to(prober, Batch(four, None), seed=0)
    if quick is None or quick.shape[:1] != (4,) or not bool(torch.isfinite(quick).all()):
        return
    gap = float((quick[0] + quick[1] - quick[2] - quick[3]).abs().max())
    if gap > 1e-2 * float((quick - quick.mean(0)).abs().max()):
        return
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        double = copied(setup.model, setup.model).double().eval()
        seed_all(0)
        exact = answer_in(double(four.double()))
        seed_all(0)
        scaled = answer_in(double(10 * four.double()))
    if exact is None or scaled is None:
        return
    told = list(behaviour.answers_are_linear(exact, scaled, layers=layers))
    evidence = setup.evidence
    wasteful = evidence is not None and bool(evidence.forward.adjacent)
    bent = evidence is not None and bool(evidence.forward.rectified or evidence.forward.squashed)
    if bent and not wasteful:
        return  # there are activations; with these weights they happen to bend nothing
    for finding in told:
        yield finding if wasteful else _as_warning(finding)


def _three_apart(inputs: Tensor) -> list[Tensor] | None:
    """The first three samples of which none is another once more."""
    kept: list[Tensor] = []
    for one in inputs[:256]:
        if not any(torch.equal(one, other) for other in kept):
            kept.append(one)
        if len(kept) == 3:
            return kept
    return None


def _as_warning(finding: Finding) -> Finding:
    """A narrow middle without activation is a factorisation: perhaps wanted."""
    return Finding(finding.code, "warning", finding.where, finding.message, finding.fix)
