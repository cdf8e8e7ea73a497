"""Reported figures against those recomputed from what the model answered: E101, E104, E105, Y101."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import SequentialSampler

from lamplighter.checks import evaluation as criteria
from lamplighter.checks.batches import labels_of
from lamplighter.checks.labels import no_better_than_majority
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.batch_means import means_over_batches
from lamplighter.watch.score.last_batch import scored_after_the_loop
from lamplighter.watch.score.mistakes import COUNTED, SUMMED, Mistake, values_by_mistake
from lamplighter.watch.score.nearness import leeway
from lamplighter.watch.source.divisions import Division, divisions_in_sight
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_in_a_loop

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST_BATCHES = 200  # of an evaluation whose batches are scored one by one
SINGLE = 2e-7  # relative: single precision rounds too
NUMBER = re.compile(r"(?<![\w.])(\d+\.\d+)(?![\w.])")


@dataclass(eq=False, slots=True)
class Score:
    """One evaluation: right answers of how many, and what was printed after it.

    Args:
        loader: id of the loader.
        right: counts per batch, still on their device.
        answers: class numbers per batch, still on their device.
        crossed: counts per batch for the argmax over the samples, where there are as many classes.
        sizes: samples per batch.
        in_order: how many answers equal the label at their place in the data set, where the loader
            shuffles.
        overwritten: where the loop puts its answers, if it keeps those of the last batch alone.
        last: the share of right answers of that one.
        shortened: whether its walk was ended here before its end.
        shares: the sum of its batches' shares of right answers.
        printed: numbers, as they were printed.
        digits: the most significant digits that one of them has.
    """

    loader: int
    loader_size: int
    batches: int
    batch_size: int
    right: list[torch.Tensor] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    answers: list[torch.Tensor] = field(default_factory=list)
    crossed: list[torch.Tensor] = field(default_factory=list)
    correct: int = 0
    in_order: int | None = None
    printed: list[str] = field(default_factory=list)
    digits: int = 0
    place: Place | None = None
    divisions: list[Division] = field(default_factory=list)
    overwritten: Place | None = None
    last: float = 0.0
    shortened: bool = False
    shares: float = 0.0

    def keeps_answers(self, newer: Score) -> bool:
        """Whether this one shows more batches than a newer one, which may be cut short."""
        return len(self.sizes) > len(newer.sizes)

    @property
    def count(self) -> int:
        """Samples that were evaluated."""
        return sum(self.sizes)

    def accuracies(self) -> list[float]:
        """What its accuracy may rightly be told as: over samples or batches, those that came, or
        all of a loader that was ended here."""
        over_samples = [self.correct / n for n in (self.count, self.loader_size) if n]
        return over_samples + [self.shares / n for n in (len(self.sizes), self.batches) if n]


Row = tuple[Score, dict[Mistake, float]]


class Metrics(Watcher):
    """Counts right answers beside the program and compares with what it prints."""

    codes = ("E101", "E104", "E105", "Y101")

    def __init__(self, world: World) -> None:
        self.world = world
        self.labels: torch.Tensor | None = None
        self.running: Score | None = None
        self.scores: list[Score] = []
        self.train_sizes: dict[str, int] = {}
        self.listening = False
        self.shortened = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.labels = None if current.backwards or current.steps else parts_of(batch)[1]
        if current.given == 1:
            self.running = None

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if not self.world.is_evaluated(module):
            return
        labels, self.labels = self.labels, None
        current = self.world.current()
        if labels is None or current is None or (torch.is_grad_enabled() and module.training):
            return
        if not isinstance(output, torch.Tensor) or output.dim() != 2 or output.shape[1] < 2:
            return
        if len(output) != len(labels):
            return
        loader = current.loader()
        if loader is None:
            return
        if self.running is None:
            self.running = _new_score(loader)
            if self.world.steps >= 10:
                self.world.adopt(criteria.answers_ignore_inputs(output.detach()), here())
        with torch.no_grad():
            right, answers = labels.to(output.device), output.argmax(1)
            self.running.right.append((answers == right).sum())
            self.running.answers.append(answers)
            if output.shape[0] == output.shape[1]:
                self.running.crossed.append((output.argmax(0) == right).sum())
        self.running.sizes.append(len(labels))
        self.running.labels.append(labels)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.listening = False

    def pass_ended(self, current: Pass) -> None:
        self.shortened |= current.shortened
        loader = current.loader()
        if current.steps and loader is not None:
            self.train_sizes["the training set's length"] = length_of(loader.dataset)
            self.train_sizes["the training batches"] = length_of(loader)
        score, self.running = self.running, None
        if score is None or not current.is_evaluation() or len(score.sizes) != current.given:
            return
        score.correct = int(sum(int(part) for part in score.right))
        shares = (int(part) / n for part, n in zip(score.right, score.sizes, strict=True))
        score.shares, score.shortened = sum(shares), current.shortened
        score.right = []
        score.in_order = _equal_in_order(score, loader)
        if len(self.scores) < 4:
            score.divisions = divisions_in_sight()
            score.overwritten = scored_after_the_loop(score.answers, score.labels)
            same = score.answers[-1].cpu() == score.labels[-1].cpu()
            score.last = float(same.double().mean())
        for older in self.scores[-4:]:
            if older.loader == score.loader:
                if not older.keeps_answers(score):
                    older.labels = []  # the last one alone is held against the commonest class
                if not older.labels:
                    older.answers = []
        self.scores.append(score)
        self.listening = True

    def text_written(self, text: str) -> None:
        if not self.listening or not self.scores:
            return
        score = self.scores[-1]
        for token in NUMBER.findall(text)[:8]:
            score.printed.append(token)
            score.digits = max(score.digits, len(token.replace(".", "").lstrip("0")))
        if score.printed and score.place is None:
            score.place = here()
            if len(self.scores) < 4:
                score.divisions += divisions_in_sight()

    def ended(self) -> None:
        by_loader: dict[int, list[Score]] = {}
        for score in self.scores:
            by_loader.setdefault(score.loader, []).append(score)
        for scores in by_loader.values():
            self._look_at_reports([s for s in scores if s.printed])
            self._look_at_batch_means(max(scores[::-1], key=lambda s: len(s.sizes)))
            self._look_at_the_end(scores)

    def _look_at_reports(self, scores: list[Score]) -> None:
        if not scores or any(s.correct == 0 for s in scores) or self.world.found("E101"):
            return
        total = count = 0
        rows: list[Row] = []
        for score in scores:
            total, count = total + score.correct, count + score.count
            wrong = dict(values_by_mistake(score, self.train_sizes))
            rows.append((score, wrong | {SUMMED: total / score.count, COUNTED: total / count}))
        for mistake in rows[-1][1]:
            if all(_is_printed(s, v.get(mistake)) for s, v in rows) and _is_telling(rows, mistake):
                self._report(rows, mistake)
                return

    def _look_at_batch_means(self, score: Score) -> None:
        if not score.printed or not 3 <= len(score.answers) <= MOST_BATCHES:
            return
        if not any(name in sys.modules for name in ("sklearn.metrics", "torchmetrics")):
            return  # the program has no such score
        if self.world.found("E104") or self.world.found("E101"):
            return
        if any(_is_printed(score, value) for value in score.accuracies()):
            return
        answers = [part.cpu() for part in score.answers]
        for name, batched, actual in means_over_batches(answers, score.labels):
            apart = abs(batched - actual) > 1e-4
            if apart and _is_printed(score, batched) and not _is_printed(score, actual):
                self.world.adopt(
                    criteria.mean_of_batches(name, batched, actual, len(answers)), score.place
                )
                return

    def _report(self, rows: list[Row], mistake: Mistake) -> None:
        score, values = rows[-1]
        self.world.report(
            "E101",
            "error",
            "accuracy",
            f"reported {values[mistake]:.4g}, actual {score.correct / score.count:.4g} "
            f"({score.correct} of n = {score.count}): the right answers are {mistake.how}",
            mistake.fix,
            self._line(mistake, [score for score, _ in rows]),
        )

    def _line(self, mistake: Mistake, scores: list[Score]) -> Place | None:
        last = scores[-1]
        if mistake.kind == "overwritten":
            return last.overwritten
        if mistake.kind == "padded":
            return line_in_a_loop(last.place, "batch_size")
        if mistake.kind == "in order":
            return self.world.loaders.get(last.loader)
        divisions = [d for score in scores for d in score.divisions]
        lines = [d.place for d in divisions if d.divisor == mistake.divisor]
        return lines[0] if lines else last.place

    def _look_at_the_end(self, scores: list[Score]) -> None:
        if self.shortened or len(scores) < 3 or self.world.steps < 500:
            return
        last = scores[-1]
        counts = Counter(int(label) for part in last.labels for label in part.tolist())
        if len(counts) > 1:
            majority = max(counts.values()) / last.count
            found = no_better_than_majority(last.correct, last.count, majority)
            self.world.adopt(found, last.place)


def _is_printed(score: Score, value: float | None) -> bool:
    if value is None:
        return False
    return any(
        abs(float(shown) - one) <= leeway(shown, SINGLE)
        for shown in score.printed
        for one in (value, 100 * value)
    )


def _is_telling(rows: list[Row], mistake: Mistake) -> bool:
    """Whether the match can hardly be chance, and the right value was not printed as well."""
    digits = 0
    for score, values in rows:
        if score.shortened and _is_printed(score, score.shares / max(1, score.batches)):
            continue  # the mean of its batches' shares, over as many as there would have been
        right = [score.correct / score.count, score.correct / max(1, score.loader_size)]
        if any(_is_printed(score, value) for value in right):
            if abs(values[mistake] - right[0]) > 1e-9:
                return False
            continue
        digits += min(4, score.digits)
    return digits >= 4


def _new_score(loader: DataLoader[Any]) -> Score:
    size = length_of(loader.dataset)
    return Score(id(loader), size, length_of(loader), loader.batch_size or 0)


def _equal_in_order(score: Score, loader: DataLoader[Any] | None) -> int | None:
    """How many answers equal the label at their place in a data set that the loader shuffles."""
    if loader is None or isinstance(loader.sampler, SequentialSampler):
        return None
    labels = labels_of(loader.dataset)
    if labels is None or len(labels) != score.count:
        return None
    answers = torch.cat([part.cpu() for part in score.answers])
    return int((answers == torch.tensor(labels)).sum())
