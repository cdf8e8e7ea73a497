"""Scores of batches that a program gathers to average them: E104."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler

from lamplighter.checks.batch_scores import OF_EACH_SAMPLE, BatchScore, batch_scores
from lamplighter.checks.evaluation import each_batch_scored, mean_of_batches
from lamplighter.checks.guess import answer_in
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.data.samples import targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.nearness import leeway
from lamplighter.watch.source.figures import things_near
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import is_summed_up, line_in_a_loop

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 4  # evaluations of one loader
MOST_BATCHES = 200
MOST_VALUES = 8192  # of a batch's answers
EXACT, NEAR = 1e-9, 2e-6  # relative; what is only near must agree twice
SINGLE = (float, np.floating)
NUMBER = re.compile(r"(?<![\w.])(\d+\.\d{3,})(?![\w.])")


class BatchScores(Watcher):
    """Scores each batch of an evaluation beside the program and looks for these very numbers."""

    codes = ("E104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.targets: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.right: list[Tensor] = []
        self.called: list[tuple[str, Any]] = []
        self.places: list[Place | None] = []
        self.summed: tuple[str, int, Place] | None = None
        self.length = 0
        self.looks: Counter[int] = Counter()
        self.nearly: dict[tuple[str, str], tuple[BatchScore, Place | None]] = {}

    def batch_given(self, current: Pass, batch: Any) -> None:
        if current.given == 1:
            self.outputs, self.right, self.called, self.places = [], [], [], []
        self.targets = []
        loader = current.loader()
        # batches that a program lays together itself may be patients, whose scores may be averaged,
        # and so may single samples: queries with all their documents
        several = loader is not None and loader.batch_size != 1
        plain = loader is not None and type(loader.batch_sampler) is BatchSampler
        if several and plain and not current.backwards and self.looks[id(loader)] < LOOKS:
            self.targets = targets_in(batch)

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if not self.targets or (torch.is_grad_enabled() and module.training):
            return
        targets, self.targets = self.targets, []
        answer = answer_in(output)
        if not self.world.is_evaluated(module) or answer is None or len(self.right) >= MOST_BATCHES:
            return
        target = target_of(answer, targets)
        if target is not None:
            self.outputs.append(answer.detach())
            self.right.append(target)

    def pass_ended(self, current: Pass) -> None:
        kept = self.outputs, self.right
        self.outputs, self.right, self.targets = [], [], []
        if not current.is_evaluation() or not 3 <= len(kept[1]) == current.given:
            return
        if self.world.found("E104"):
            return
        self.looks[id(current.loader())] += 1
        outputs, right = [o.float().cpu() for o in kept[0]], [t.cpu() for t in kept[1]]
        scores = list(batch_scores(outputs, right))
        told = _sum_of_shares(outputs, right)  # of few samples, it is some other score as well
        scores = [s for s in scores if abs(sum(s.parts) - told) > NEAR * told]
        before, self.nearly = self.nearly, {}
        self.length = length_of(current.loader())
        for name, thing in _gathered() if scores else ():
            for score in scores:
                far = _apart(thing, score)
                if far <= EXACT or (far <= NEAR and (name, score.name) in before):
                    self._tell(score, _line(name))
                    return
                if far <= NEAR:
                    self.nearly[name, score.name] = (score, _line(name))
        for name, result in _held(self.called, current.given):
            self.world.adopt(each_batch_scored(name, current.given), _line(result))
        for name in dict.fromkeys(name for name, _ in self.called):
            called = zip(self.called, self.places, strict=True)
            places = [place for (known, _), place in called if known == name]
            place = places[0]
            once = len(places) == current.given and set(places) == {place}
            if place is not None and once and is_summed_up(place):
                self.summed = self.summed or (name, current.given, place)

    def ended(self) -> None:
        # what it comes to is told with its figures, where they were known again
        if self.summed is not None and not self.world.found("E104"):
            name, batches, place = self.summed
            self.world.adopt(each_batch_scored(name, batches), place)

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if name not in OF_EACH_SAMPLE and self.right and len(self.called) <= 4 * MOST_BATCHES:
            self.called.append((name, result))
            self.places.append(here())

    def text_written(self, text: str) -> None:
        if not self.nearly or self.world.found("E104"):
            return
        for shown in NUMBER.findall(text)[:8]:
            close = leeway(shown, NEAR)
            for score, place in self.nearly.values():
                means = {score.mean, sum(score.parts) / (self.length or len(score.parts))}
                printed = any(abs(float(shown) - mean) <= close for mean in means)
                if printed and abs(float(shown) - score.whole) > close:
                    self._tell(score, place)
                    return

    def _tell(self, score: BatchScore, place: Place | None) -> None:
        told = mean_of_batches(score.name, score.mean, score.whole, len(score.parts))
        self.world.adopt(told, place)


def _held(called: list[tuple[str, Any]], batches: int) -> Iterator[tuple[str, str]]:
    """Scores that were asked for once a batch, and the variables that hold just these results.

    They are known by identity, so that it does not matter what they come to.
    """
    for name in dict.fromkeys(name for name, _ in called):
        results = [result for known, result in called if known == name]
        if len(results) != batches:
            continue
        parts = zip(*results, strict=True) if isinstance(results[0], tuple) else [results]
        wanted = [[id(value) for value in part] for part in parts]
        for variable, thing, _ in things_near():
            for held in _values(thing):
                if isinstance(held, list) and [id(value) for value in held] in wanted:
                    yield name, variable
                    return


def _apart(thing: list[float] | float, score: BatchScore) -> float:
    """How far, relatively, a number is from a score's total or mean, or a list from its parts."""
    if isinstance(thing, list):
        return 0.0 if score.is_listed(thing) else 1.0
    totals = (*score.totals(), score.mean)
    return min(abs(thing - total) / abs(total) if total else 1.0 for total in totals)


def _sum_of_shares(outputs: list[Tensor], right: list[Tensor]) -> float:
    """The sum of the batches' shares of right answers, whose mean is an accuracy; 0: no classes."""
    if any(o.dim() != 2 or o.shape[1] < 2 for o in outputs):
        return 0.0
    hits = (o.argmax(1) == t.reshape(-1) for o, t in zip(outputs, right, strict=True))
    return sum(float(hit.double().mean()) for hit in hits)


def target_of(answer: Tensor, targets: list[Tensor]) -> Tensor | None:
    """What of a batch an answer is to be compared with."""
    if not answer.is_floating_point() or answer.dim() not in (1, 2) or answer.numel() > MOST_VALUES:
        return None
    several = answer.dim() == 2 and answer.shape[1] > 1
    for target in targets:
        if not target.dim() or len(target) != len(answer) or target.numel() != len(answer):
            continue
        if not several or not target.is_floating_point():
            return target.detach()
    return None


def _gathered() -> Iterator[tuple[str, list[float] | float]]:
    """Numbers, and lists of them, that the running functions hold."""
    for name, thing, _ in things_near():
        for value in _values(thing):
            if isinstance(value, list | tuple | np.ndarray | Tensor) and _length(value) >= 3:
                numbers = _numbers(value)
                if numbers is not None:
                    yield name, numbers
            elif (number := _number(value)) is not None:
                yield name, number


def _values(thing: Any) -> Iterable[Any]:
    """A thing itself, or the values of a dictionary of a few."""
    return thing.values() if isinstance(thing, dict) and len(thing) <= 20 else (thing,)


def _length(value: Any) -> int:
    return len(value) if not hasattr(value, "ndim") or value.ndim == 1 else 0


def _numbers(value: Any) -> list[float] | None:
    if _length(value) > MOST_BATCHES or (isinstance(value, Tensor) and value.is_cuda):
        return None
    numbers = [_number(v) for v in value]
    return None if any(n is None for n in numbers) else [n for n in numbers if n is not None]


def _number(value: Any) -> float | None:
    if isinstance(value, SINGLE):
        return float(value)
    if isinstance(value, Tensor) and value.dim() == 0 and value.is_floating_point():
        return float(value.detach())
    return None


def _line(name: str) -> Place | None:
    """The statement of the loop that puts a batch's score there."""
    return line_in_a_loop(here(), name.rpartition(".")[2])
