"""A decoder that is given the words that it is to predict, tried on a copy: M105."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks import behaviour
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.snapshot import probing, seed_all
from lamplighter.watch.network.trial import UNFIT, Trial


def look_at_decoder(trial: Trial) -> Iterator[Finding]:
    """Whether a second input is what the loss asks for, and the answer is read off it.

    Args:
        trial: a copy of the network and the inputs of its first step.
    """
    loss = trial.loss[0] if trial.loss is not None else ""
    if not trial.batches or loss not in ("cross_entropy", "nll_loss"):
        return
    *inputs, source = trial.batches[0]
    target = trial.target_way(source)
    for number, tokens in enumerate(inputs):
        if number == 0 or tokens.is_floating_point() or tokens.dim() != 2:
            continue
        same = tokens.numel() == target.numel() and torch.equal(tokens.flatten(), target.flatten())
        if not same or tokens.numel() < 16 or tokens.shape[1] < 3 or len(torch.unique(tokens)) < 3:
            continue
        try:
            moved = _answer_moves(trial, inputs, number)
        except UNFIT:
            return
        if moved:
            yield from behaviour.answer_is_given(number)
            return


def _answer_moves(trial: Trial, inputs: list[Tensor], number: int) -> bool:
    """Whether the answer at the last place moves with the word that is asked for there."""
    tokens = inputs[number]
    changed = tokens.clone()
    pool = torch.unique(tokens)
    place = torch.searchsorted(pool, tokens[:, -1].contiguous())
    changed[:, -1] = pool[(place + 1) % len(pool)]
    model = trial.double[0].eval()
    answers = []
    with probing(model), torch.no_grad():
        for given in (tokens, changed):
            seed_all(0)
            answer = answer_in(model(*inputs[:number], given, *inputs[number + 1 :]))
            if answer is None or answer.numel() % tokens.numel():
                return False
            answers.append(answer.float().reshape(*tokens.shape, -1))
    one, other = (a[:, -1] for a in answers)
    return bool((one - other).abs().max() > 1e-3 * one.abs().max())
