"""What networks have answered since the last step, and what they were trained towards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.guess import answer_in
from lamplighter.watch.data.samples import targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.batch_scores import target_of

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST_VALUES = 2**20  # of answers
MOST_CALLS = 400  # of one network
FEWEST_PARTS, FEWEST_GOALS = 16, 256  # targets of training: so many losses, and so many numbers
LARGEST = 2**16  # numbers of one loss


class Answered(Watcher):
    """Gathers for those who look at scores; judges nothing itself.

    Args:
        world: the shared memory, which hands it on.
    """

    def __init__(self, world: World) -> None:
        world.answered = self
        self.answers: dict[int, list[Tensor]] = {}
        self.right: dict[int, list[Tensor]] = {}
        self.goals: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.size = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.targets = [] if current.backwards else targets_in(batch)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if not isinstance(target, Tensor) or not isinstance(result, Tensor):
            return
        if len(self.goals) >= FEWEST_PARTS and sum(map(len, self.goals)) >= FEWEST_GOALS:
            return
        if result.requires_grad and target.is_floating_point() and not target.requires_grad:
            self.goals.append(target.detach().reshape(-1)[:LARGEST].float().cpu())

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.answers:
            self.woken()

    def woken(self) -> None:
        self.answers, self.right, self.size = {}, {}, 0

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if (torch.is_grad_enabled() and module.training) or self.size > MOST_VALUES:
            return
        answer = answer_in(output)
        if answer is None or not answer.is_floating_point() or answer.dim() not in (1, 2):
            return
        mine = self.answers.setdefault(id(module), [])
        if len(mine) < MOST_CALLS:
            mine.append(answer.detach())
            self.size += answer.numel()
            target = target_of(answer, self.targets)
            if target is not None:
                self.right.setdefault(id(module), []).append(target.reshape(-1).double().cpu())
