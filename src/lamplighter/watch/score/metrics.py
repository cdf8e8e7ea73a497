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
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.batch_means import means_over_batches
from lamplighter.watch.score.last_batch import scored_after_the_loop
from lamplighter.watch.source.divisions import Division, divisions_in_sight
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_in_a_loop

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST_BATCHES = 200  # of an evaluation whose batches are scored one by one
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
        printed: numbers, each with its digits after the point.
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
    printed: list[tuple[float, int]] = field(default_factory=list)
    digits: int = 0
    place: Place | None = None
    divisions: list[Division] = field(default_factory=list)
    overwritten: Place | None = None
    last: float = 0.0

    def keeps_answers(self, newer: Score) -> bool:
        """Whether this one shows more batches than a newer one, which may be cut short."""
        return len(self.sizes) > len(newer.sizes)

    @property
    def count(self) -> int:
        """Samples that were evaluated."""
        return sum(self.sizes)


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
            size = _size(loader)
            self.train_sizes |= {"the training set's length": size, "the training batches": 0}
            self.train_sizes["the training batches"] = _batches(loader)
        score, self.running = self.running, None
        if score is None or not current.is_evaluation() or len(score.sizes) != current.given:
            return
        score.correct = int(sum(int(part) for part in score.right))
        score.right = []
        score.in_order = _equal_in_order(score, loader)
        if len(self.scores) < 4:
            score.divisions = divisions_in_sight()
            score.overwritten = scored_after_the_loop(score.answers, score.labels)
            same = score.answers[-1].cpu() == score.labels[-1].cpu()
            score.last = float(same.double().mean())
        for older in self.scores[-4:]:
            if older.loader == score.loader:
                older.labels = older.labels if older.keeps_answers(score) else []
                older.answers = (
                    older.answers if older.labels else []
                )  # only the last evaluation is compared with the commonest class
        self.scores.append(score)
        self.listening = True

    def text_written(self, text: str) -> None:
        if not self.listening or not self.scores:
            return
        score = self.scores[-1]
        for token in NUMBER.findall(text)[:8]:
            score.printed.append((float(token), len(token.split(".")[1])))
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
        rows: list[tuple[Score, dict[str, float]]] = []
        for score in scores:
            total, count = total + score.correct, count + score.count
            wrong = self._wrong_values(score)
            wrong["summed over all evaluations so far, never set back to 0"] = total / score.count
            wrong["counted over all evaluations so far, never set back to 0"] = total / count
            rows.append((score, wrong))
        for formula in rows[-1][1]:
            if all(_is_printed(s, v.get(formula)) for s, v in rows) and _is_telling(rows, formula):
                self._report(rows, formula)
                return

    def _look_at_batch_means(self, score: Score) -> None:
        if not score.printed or not 3 <= len(score.answers) <= MOST_BATCHES:
            return
        if not any(name in sys.modules for name in ("sklearn.metrics", "torchmetrics")):
            return  # the program has no such score
        if self.world.found("E104") or self.world.found("E101"):
            return
        if _is_printed(score, score.correct / score.count):
            return
        answers = [part.cpu() for part in score.answers]
        for name, batched, actual in means_over_batches(answers, score.labels):
            apart = abs(batched - actual) > 1e-4
            if apart and _is_printed(score, batched) and not _is_printed(score, actual):
                self.world.adopt(
                    criteria.mean_of_batches(name, batched, actual, len(answers)), score.place
                )
                return

    def _wrong_values(self, score: Score) -> dict[str, float]:
        wrong = {
            f"divided by {name} ({size})": score.correct / size
            for name, size in self.train_sizes.items()
            if size and size not in (score.count, score.loader_size)
        }
        if score.batches and score.batches != score.count and score.batches != score.loader_size:
            wrong[f"divided by the number of batches ({score.batches})"] = (
                score.correct / score.batches
            )
        if len(score.crossed) == len(score.sizes) > 0:
            crossed = sum(int(part) for part in score.crossed)
            wrong["counted with the argmax over the samples, dimension 0"] = crossed / score.count
            if score.loader_size:  # a walk that was cut short, divided by the known length
                wrong["counted with argmax(0), over the samples"] = crossed / score.loader_size
        if score.in_order is not None:
            wrong[
                "compared with the labels in the data set's order, though the loader shuffles"
            ] = score.in_order / score.count
        if score.overwritten is not None:
            wrong["those of the last batch alone: each round of the loop overwrites them"] = (
                score.last
            )
        padded = score.batches * score.batch_size
        if padded and padded not in (score.count, score.loader_size):
            wrong[f"divided by batches × batch size ({padded})"] = score.correct / padded
        return wrong

    def _report(self, rows: list[tuple[Score, dict[str, float]]], formula: str) -> None:
        score, values = rows[-1]
        divisions = [d for s, _ in rows for d in s.divisions]
        size = re.search(r"\((\d+)\)", formula)
        wanted = int(size[1]) if size else None
        lines = [d.place for d in divisions if wanted is not None and d.divisor == wanted]
        self.world.report(
            "E101",
            "error",
            "accuracy",
            f"reported {values[formula]:.4g}, actual {score.correct / score.count:.4g} "
            f"({score.correct} of n = {score.count}): the right answers are {formula}",
            _mended(formula)
            or "divide by the number of samples that were evaluated, counted from 0 each time",
            score.overwritten
            if "overwrites" in formula
            else line_in_a_loop(score.place, "batch_size")
            if "batch size" in formula
            else self.world.loaders.get(score.loader)
            if "order" in formula
            else (lines[0] if lines else score.place),
        )

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
    for shown, digits in score.printed:
        tolerance = max(0.51 * 10**-digits, 2e-7 * abs(shown))  # single precision rounds too
        if abs(shown - value) <= tolerance or abs(shown - 100 * value) <= tolerance:
            return True
    return False


def _mended(formula: str) -> str:
    """What to do about a formula that is no division."""
    if "argmax" in formula:
        return "take the argmax over the classes, argmax(1)"
    if "overwrites" in formula:
        return "gather the answers of all batches, `preds += …`, before they are scored"
    if "order" in formula:
        return "keep the labels that came with the batches, or evaluate with shuffle=False"
    return ""


def _is_telling(rows: list[tuple[Score, dict[str, float]]], formula: str) -> bool:
    """Whether the match can hardly be chance, and the right value was not printed as well."""
    digits = 0
    for score, values in rows:
        right = [score.correct / score.count, score.correct / max(1, score.loader_size)]
        if any(_is_printed(score, value) for value in right):
            if abs(values[formula] - right[0]) > 1e-9:
                return False
            continue
        digits += min(4, score.digits)
    return digits >= 4


def _new_score(loader: DataLoader[Any]) -> Score:
    return Score(id(loader), _size(loader), _batches(loader), loader.batch_size or 0)


def _equal_in_order(score: Score, loader: DataLoader[Any] | None) -> int | None:
    """How many answers equal the label at their place in a data set that the loader shuffles."""
    if loader is None or isinstance(loader.sampler, SequentialSampler):
        return None
    labels = labels_of(loader.dataset)
    if labels is None or len(labels) != score.count:
        return None
    answers = torch.cat([part.cpu() for part in score.answers])
    return int((answers == torch.tensor(labels)).sum())


def _size(loader: DataLoader[Any]) -> int:
    try:
        return len(loader.dataset)  # type: ignore[arg-type]
    except TypeError:
        return 0


def _batches(loader: DataLoader[Any]) -> int:
    try:
        return len(loader)
    except TypeError:
        return 0
