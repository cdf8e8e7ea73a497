"""Figures that the program holds, against what its own batches came to: E101."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.scoring import last_batch_alone
from lamplighter.checks.tallies import (
    Counted,
    Elsewhere,
    Wrong,
    figure_is_wrong,
    right_losses,
    right_values,
    wrong_values,
)
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.last_batch import counted_after_the_loop
from lamplighter.watch.score.lists import ListsFromZero
from lamplighter.watch.score.nearness import NUMBER, is_near
from lamplighter.watch.score.printed import Printed
from lamplighter.watch.score.scoring import SCORING, Scoring, without_a_class
from lamplighter.watch.source.divisions import divisions_in_sight
from lamplighter.watch.source.figures import Figure, in_sight, line_that_divides
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 400  # batches of one walk
LOOKS = 6  # at the figures, for one walk
ALL_LOOKS = 150
EXACT = 1e-7  # relative; what is only near must agree more than once
PRINTED = "what is printed"
EXACTLY = re.compile(r"(?<![\w.])(\d+\.\d{7,})(?![\w.])")  # a figure that nobody has rounded
TELLING = 2  # looks at which a figure must agree that is only near, or a short decimal


@dataclass(eq=False)
class Tally:
    """One walk over data, with or without a loader.

    Args:
        key: tells it from others.
        walk: what is known of it beside its figures.
        right, losses, sums: of its batches, where they were computed.
        looks: how often figures were held against it.
        read: whether what was printed after it was read.
    """

    key: tuple[Any, ...]
    walk: Counted = field(default_factory=Counted)
    right: list[Tensor] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    sums: list[Tensor] = field(default_factory=list)
    looks: int = 0
    read: bool = False

    def counted(self) -> Counted:
        """Its numbers, off their device."""
        return replace(
            self.walk,
            right=[int(k) for k in self.right],
            losses=[float(v) for v in self.losses],
            sums=[float(v) for v in self.sums],
        )


class Tallies(Watcher):
    """Counts what the program's comparisons and losses come to, and looks for its figures."""

    codes = ("E101",)
    operations = SCORING

    def __init__(self, world: World) -> None:
        self.world = world
        self.scoring = Scoring(world)
        self.lists = ListsFromZero(world)
        self.printed = Printed()
        self.recent: list[Tally] = []
        self.looks = 0
        self.texts = 0
        self.parts = 0
        self.batch: list[Tensor] = []
        self.answered = (-1, 0)  # the last step, and samples answered since
        self.hits: dict[tuple[str, str], set[float]] = {}

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.parts = len(batch) if isinstance(batch, list | tuple | dict) else 0
        self.batch = list(tensors_in(batch)) if current.given > 1 and not current.steps else []

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        self.scoring.answered(module, output)
        if isinstance(output, Tensor) and output.dim():
            before = self.answered[1] if self.answered[0] == self.world.steps else 0
            self.answered = (self.world.steps, before + len(output))

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.scoring.operated(name, args, kwargs, result) and name == "eq":
            self._compared(result, args)
        elif (outside := self.scoring.taken()) is not None:
            self._compared(outside, ())

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        self.scoring.lost(name, given)
        target = given.get("target")
        if not isinstance(result, Tensor) or result.dim() or not isinstance(target, Tensor):
            return
        reduction = given.get("reduction", "mean")
        if reduction not in ("mean", "sum") or not target.dim() or self._is_over():
            return
        tally = self._tally(training=result.requires_grad)
        if reduction == "sum":
            if len(tally.sums) < MOST:
                tally.sums.append(result.detach())
                tally.walk.summed.append(target.shape[0])
        elif len(tally.losses) < MOST:
            tally.losses.append(result.detach())
            tally.walk.rows.append(target.shape[0])

    def _compared(self, result: Tensor, given: tuple[Any, ...]) -> None:
        """The program compared answers with labels, one by one."""
        if not self._is_over() and result.numel():
            tally = self._tally(training=torch.is_grad_enabled())
            if len(tally.right) < MOST:
                tally.walk.answered = self.answered[1]
                tally.walk.unknown.append(without_a_class(given))
                tally.right.append(result.detach().sum())
                tally.walk.sizes.append(result.numel())

    def _is_over(self) -> bool:
        return self.looks >= ALL_LOOKS or self.world.found("E101")

    def _tally(self, *, training: bool) -> Tally:
        current = self.world.current()
        loader = current.loader() if current is not None else None
        if current is None or loader is None:
            key: tuple[Any, ...] = ("train", self.texts) if training else ("held", self.world.steps)
        else:
            key = (id(loader), current.number, current.given > 0)
        if not self.recent or self.recent[-1].key != key:
            walk = Counted()
            if loader is not None:
                length, batches = length_of(loader.dataset), length_of(loader)
                walk = Counted(parts=self.parts, length=length, batches=batches)
            self.recent = [*self.recent[-2:], Tally(key, walk)]
        return self.recent[-1]

    def text_written(self, text: str) -> None:
        self._look(text)
        self.texts += 1

    def pass_starts(self, current: Pass) -> None:
        self._look()

    def pass_ended(self, current: Pass) -> None:
        loader = current.loader()
        if loader is not None and self.recent and self.recent[-1].key[0] == id(loader):
            walk = self.recent[-1].walk
            walk.given, walk.shortened = current.given, current.shortened
            if current.steps and current.backwards >= 2 * current.steps:
                walk.every = round(current.backwards / current.steps)

        if current.is_evaluation() and 3 <= current.given <= current.calls and not self._is_over():
            self._look_behind_the_loop(current)
        self.batch = []

    def _look_behind_the_loop(self, current: Pass) -> None:
        """Nothing was compared in the loop: whether the last batch alone is, behind it."""
        key = (id(current.loader()), current.number)
        if any(tally.key[:2] == key and tally.right for tally in self.recent):
            return
        batch = self.batch
        place = counted_after_the_loop(
            lambda thing: isinstance(thing, Tensor) and self.scoring.answers.get(thing) is not None,
            lambda thing: any(thing is tensor for tensor in batch),
        )
        if place is not None:
            self.world.adopt(last_batch_alone(current.given), place)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.recent and self.recent[-1].key[0] == "held" and self.recent[-1].looks == 0:
            self._look()

    def ended(self) -> None:
        for tally in self.recent:
            tally.looks = min(tally.looks, LOOKS - 1)
        self._look()

    def _look(self, text: str = "") -> None:
        waiting = [t for t in self.recent if t.looks < LOOKS and (t.right or t.losses or t.sums)]
        if not waiting or self._is_over():
            return
        self.looks += 1
        figures, sizes = in_sight()
        figures += [Figure(PRINTED, float(n), "") for n in EXACTLY.findall(text)[:8]]
        for tally in waiting:
            tally.looks += 1
            counted = tally.counted()
            # how many labels are known is then the length of something else
            self.compare(tally, figures, [] if any(counted.unknown) else sorted(sizes))
            if text and counted.given > 1:
                self.lists.look(counted, text)
            if text and (counted.given > 1 or (tally.key[0] == "held" and len(tally.losses) > 1)):
                self._rounded(tally, counted, text)

    def _rounded(self, tally: Tally, counted: Counted, text: str) -> None:
        """What is printed with a few digits, once after each walk."""
        newer = self.recent[self.recent.index(tally) + 1 :]
        if tally.read or not NUMBER.search(text) or self._is_over():
            return
        filled = any(counted.unknown) and len(counted.sizes) == counted.given
        if counted.given and len(counted.losses) != counted.given and not filled:
            return  # not every batch of the walk was heard
        if any(other.key[0] == tally.key[0] for other in newer):
            return  # the line is about the newest walk over these data
        tally.read = True
        right = [*right_losses(counted), *counted.losses[-1:], *right_values(counted)]
        wrongs = [w for w in wrong_values(counted, []) if w.loss or (filled and w.filled)]
        wrong = self.printed.look(text, tally.key[0], wrongs, right)
        if wrong is not None:
            self.world.adopt(figure_is_wrong(PRINTED, wrong, counted), here())

    def compare(self, tally: Tally, figures: list[Figure], sizes: list[int]) -> None:
        """Holds figures of the program against what a walk came to, and by which mistakes."""
        counted = replace(tally.counted(), elsewhere=self._elsewhere(tally))
        # two walks may have as many right answers
        others = [v for t in self.recent if t is not tally for v in right_values(t.counted())]
        rightly = right_values(counted)
        known = any(
            is_near(f.value, v) or is_near(f.value, 100 * v) for v in rightly for f in figures
        )
        shares = counted.shares()
        sums = (sum(shares), 100 * sum(shares), sum(counted.right))
        for wrong in wrong_values(counted, sizes):
            same = any(is_near(s * wrong.value, v) for v in rightly for s in (0.01, 1, 100))
            # where all batches have one size, the sum of their shares is all divided by that size
            same |= not wrong.loss and is_near(wrong.value, sums[0])
            if same or (known and not wrong.loss):
                continue
            # sums are on their way to a figure, and no percentages of one over 100 samples
            percent = not wrong.loss and not any(is_near(100 * wrong.value, v) for v in sums)
            for figure in figures:
                if any(is_near(s * figure.value, v) for v in others for s in (0.01, 1)):
                    continue
                as_percent = percent and is_near(figure.value, 100 * wrong.value)
                if as_percent or is_near(figure.value, wrong.value):
                    self._count(figure, wrong, counted)

    def _elsewhere(self, tally: Tally) -> list[Elsewhere]:
        """Loaders for the other purpose, training or evaluation, with their samples and batches."""
        mine = self.world.walked.get(tally.key[0])
        if mine is None or (mine.trained_at is None) == (mine.evaluated_at is None):
            return []
        found = []
        for other in self.world.walked.values():
            apart = (mine.trained_at is None) != (other.trained_at is None)
            loader = other.ref() if apart else None
            # what is walked side by side, or holds the other's data as a part, may set the measure
            if loader is None or any(walk.loader() is loader for walk in self.world.live):
                continue
            if not _holds(loader.dataset, getattr(mine.ref(), "dataset", None)):
                found.append(Elsewhere(other.name, length_of(loader.dataset), length_of(loader)))
        return found

    def _count(self, figure: Figure, wrong: Wrong, counted: Counted) -> None:
        values = self.hits.setdefault((figure.name, wrong.kind), set())
        values.add(round(wrong.value, 9))
        exact = is_near(figure.value, wrong.value, EXACT)
        enough = (exact and not figure.is_plain()) or len(values) >= TELLING
        if enough and not self.world.found("E101"):
            place = (line_that_divides(figure) if figure.file else None) or _by(wrong)
            self.world.adopt(figure_is_wrong(figure.name, wrong, counted), place or here())


def _by(wrong: Wrong) -> Place | None:
    """The running line, or one near it, that divides by the length of something else."""
    known = divisions_in_sight() if wrong.divisor else []
    return next((one.place for one in known if one.divisor == wrong.divisor), None)


def _holds(whole: Any, part: Any) -> bool:
    """Whether a data set is, or is put together from, what another is cut out of."""
    while part is not None:
        if part is whole or any(part is one for one in getattr(whole, "datasets", ())):
            return True
        part = getattr(part, "dataset", None)
    return False
