"""Networks that make samples for a critic, and to which side both are moved: L112, L118."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lamplighter.checks.adversaries import (
    Vector,
    are_told_alike,
    forger_helps_the_critic,
    made_is_called_real,
)
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.graphs import direction_of, is_loss, slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import LAYERS, shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_backward_value

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 5  # steps of the one that makes samples, and none to the other side
LOOKS = 64  # backward passes that are read
MOST = 8  # answers of critics for one loss
LARGEST = 2**18  # values of one: who gives more, as a map for each picture, is no critic
Rows = tuple[int, int]


@dataclass(eq=False, slots=True)
class Verdict:
    """What a critic has said of a batch.

    Args:
        output: its scores, one for each sample or more.
        made: the rows that another network has made; none: real samples.
        through: whether gradients pass on to what made them.
    """

    critic: nn.Module
    output: Tensor
    made: Rows | None
    through: bool


@dataclass(eq=False, slots=True)
class Asked:
    """What a critic's own loss asked of its scores since its last step.

    Args:
        real: scores of real samples, with the slopes of the loss at them.
        made: the same of samples that another network has made.
        alike: its steps in which both were treated as one; less than 0: it told them apart.
        played: steps of another network that was moved through the critic.
    """

    real: list[tuple[Vector, Vector]] = field(default_factory=list)
    made: list[tuple[Vector, Vector]] = field(default_factory=list)
    alike: int = 0
    played: int = 0


class Forgers(Watcher):
    """Compares the slopes of both losses at the critic's scores of what was made."""

    codes = ("L112", "L118")

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: ByIdentity[Rows] = ByIdentity()
        self.verdicts: list[Verdict] = []
        # critic → the side to which its own newest step moves the scores of what was made
        self.sides: dict[int, int] = {}
        # critic and whether gradients pass on → slopes at real and made samples, until a step
        self.waiting: dict[tuple[int, bool], list[int]] = {}
        self.asked: dict[int, Asked] = {}
        self.place: Place | None = None
        self.target_place: Place | None = None
        self.makings: ByIdentity[bool] = ByIdentity()  # what networks were given
        self.marks = False
        self.looks = 0
        self.hits = Often(SURE)
        self.over = False

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        alone = len(self.world.optimizers) < 2
        if self.over or alone or not isinstance(output, Tensor) or not output.dim():
            return
        given = next(shallow(args), None)
        asked = output.requires_grad and output.numel() <= LARGEST and len(self.verdicts) < MOST
        if given is not None and asked:
            rows = self.made.get(given)
            self.marks |= rows is None and self.makings.get(given) is not None
            through = rows is not None and given.requires_grad and not given.is_leaf
            if len(given) == len(output):
                self.verdicts.append(Verdict(module, output, rows, through))
        self.made[output] = (0, len(output))
        if given is not None and output.requires_grad and output.shape == given.shape:
            self.makings[given] = True

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """What was made stays so when noise is added or its shape changes, and in a larger batch."""
        if self.over or not self.made or name in LAYERS or not isinstance(result, Tensor):
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in ("cat", "concat", "concatenate"):
            if kwargs.get("dim", args[1] if len(args) > 1 else 0) == 0:
                self._join(given, result)
            return
        known = next((r for t in given if (r := self.made.get(t)) is not None), None)
        if known is not None and result.dim() and len(result) >= known[1]:
            self.made[result] = known

    def _join(self, given: list[Tensor], result: Tensor) -> None:
        at = 0
        for tensor in given:
            if (rows := self.made.get(tensor)) is not None:
                self.made[result] = (at + rows[0], at + rows[1])
            at += len(tensor)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        """The line at which scores of what was made meet their target."""
        scores = given.get("input")
        if any(v.output is scores and v.made and not v.through for v in self.verdicts):
            self.target_place = here()

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        verdicts, self.verdicts = self.verdicts, []
        root = roots[0]
        if self.over or not verdicts or not is_loss(root):
            return
        self.looks += 1
        self.over |= self.looks > LOOKS
        slopes = slopes_at(root, [verdict.output for verdict in verdicts])
        for verdict, slope in zip(verdicts, slopes, strict=True):
            if slope is not None:
                real, made = _sides(slope.flatten(1) if slope.dim() > 1 else slope, verdict.made)
                entry = self.waiting.setdefault((id(verdict.critic), verdict.through), [0, 0])
                entry[0], entry[1] = entry[0] or real, entry[1] or made
                self._note_asked(verdict, slope)
        self.place = line_of_backward_value(here())

    def _note_asked(self, verdict: Verdict, slope: Tensor) -> None:
        """Keeps the scores of one sort, and the slopes at them, until the critic's own step."""
        asked = self.asked.setdefault(id(verdict.critic), Asked())
        if asked.alike < 0 or verdict.through or len(asked.real) + len(asked.made) >= 2 * MOST:
            return
        scores, slopes = _rows(verdict.output), _rows(slope) * slope.numel()
        is_made = np.zeros(len(scores), bool)
        is_made[slice(*(verdict.made or (0, 0)))] = True
        for side, mine in ((asked.made, is_made), (asked.real, ~is_made)):
            if mine.any():
                side.append((scores[mine].ravel(), slopes[mine].ravel()))

    def _judge_asked(self, asked: Asked) -> None:
        """Whether the critic's own step treats what was made like what is real."""
        real, made = asked.real, asked.made
        asked.real, asked.made = [], []
        if not real or not made or asked.alike < 0:
            return
        alike = are_told_alike(_joined(real), _joined(made))
        asked.alike = asked.alike + 1 if alike else -1
        if asked.alike >= SURE and asked.played >= SURE and not self.over:
            self.over = True
            self.world.adopt(made_is_called_real(asked.alike), self.target_place or self.place)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.over or not self.waiting or closure or optimizer.param_groups[0].get("maximize"):
            return
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        for key in {critic for critic, _ in self.waiting}:
            model = self.world.models.get(key)
            critic = model.module if model is not None else None
            holds = critic is not None and any(id(p) in mine for p in critic.parameters())
            real, made = self.waiting.pop((key, False), [0, 0])
            asked = self.asked.get(key, Asked())
            if holds:
                self._judge_asked(asked)
                self.sides[key] = made if real == -made else 0
                continue
            _, side = self.waiting.pop((key, True), [0, 0])
            asked.played += bool(side)
            if side and self.sides.get(key):
                self._compare(side == self.sides[key])

    def _compare(self, same: bool) -> None:
        self.over |= not same
        if same and self.hits.again():
            self.over = True
            self.world.adopt(forger_helps_the_critic(SURE, marks=self.marks), self.place)


def _sides(slope: Tensor, made: Rows | None) -> tuple[int, int]:
    """The signs of the slopes at real and at made samples; 0 where they are not all of one."""
    if made is None:
        return direction_of(slope), 0
    rest = torch.cat([slope[: made[0]], slope[made[1] :]])
    return direction_of(rest), direction_of(slope[made[0] : made[1]])


def _rows(tensor: Tensor) -> Vector:
    """A row for each sample."""
    return np.asarray(tensor.detach().flatten(1 if tensor.dim() > 1 else 0).double().cpu().numpy())


def _joined(pairs: list[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    scores, slopes = zip(*pairs, strict=True)
    return np.concatenate(scores), np.concatenate(slopes)
