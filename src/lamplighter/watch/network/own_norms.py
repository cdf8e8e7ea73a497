"""Norms that the program has written itself and whose statistics never move: M113."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from lamplighter.checks import own_norms as criteria
from lamplighter.checks.guess import answer_in
from lamplighter.checks.snapshot import probing
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.models import LONG, line_of_layer
from lamplighter.watch.network.trial import UNFIT

if TYPE_CHECKING:
    from lamplighter.watch.world import World


class OwnNorms(Watcher):
    """Looks, when all is over, at buffers that are as they were made, and tries what they do."""

    codes = ("M113",)

    def __init__(self, world: World) -> None:
        self.world = world

    def ended(self) -> None:
        trial = self.world.trial
        if trial is None or self.world.found("M113"):
            return
        module = trial.model
        if self.world.seen(module).trained * 2 <= LONG:  # it counts in powers of 2
            return
        double, inputs = trial.double[0], trial.batches[0][:-1]
        for owner, mean, variance in criteria.still_fresh(module):
            try:
                with probing(double), torch.no_grad(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    counts = criteria.count_at_evaluation_alone(
                        double, owner, (mean, variance), lambda: answer_in(double(*inputs))
                    )
            except UNFIT:
                return
            if counts:
                line = line_of_layer(module, f"{owner}.{mean}".lstrip("."), self.world.origins)
                told = criteria.own_statistics_never_learned(owner, mean, variance)
                self.world.adopt(told, line)
                return
