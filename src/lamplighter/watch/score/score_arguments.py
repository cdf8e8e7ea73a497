"""What the scores of a library are given: answers for labels, decisions for scores. E101."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batch_scores import OF_EACH_SAMPLE
from lamplighter.checks.batches import tensors_in
from lamplighter.checks.guess import answer_in
from lamplighter.checks.scoring import arguments_swapped, ranked_by_decisions
from lamplighter.watch.data.arrays import arrays_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.batch_scores import target_of
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

FEWEST = 16  # answers
MOST_VALUES = 2**20
MOST_CALLS = 400
RANKING = ("roc_auc_score", "average_precision_score")
# the same whichever comes first
SYMMETRIC = (
    *("matthews_corrcoef", "cohen_kappa_score", "accuracy_score"),
    *("cohen_kappa", "pearson_corrcoef", *OF_EACH_SAMPLE),
)
MOST_GOALS = 256  # targets of training that are looked for in the program's arrays


class ScoreArguments(Watcher):
    """Keeps what networks answered since the last step and looks for it in a score's arguments."""

    codes = ("E101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[int, list[Tensor]] = {}
        self.right: dict[int, list[Tensor]] = {}
        self.batch: list[Tensor] = []
        self.size = 0
        self.goals: list[Tensor] = []

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batch = [] if current.backwards else list(tensors_in(batch))[1:]

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if sum(len(part) for part in self.goals) >= MOST_GOALS or not isinstance(target, Tensor):
            return
        trains = isinstance(result, Tensor) and result.requires_grad and not target.requires_grad
        if trains and target.is_floating_point() and target.dim() in (1, 2):
            self.goals.append(target.detach().reshape(-1)[:MOST_GOALS].float().cpu())

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
            target = target_of(answer, self.batch)
            if target is not None:
                self.right.setdefault(id(module), []).append(target.reshape(-1).double().cpu())

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if not self.answers or self.world.found("E101"):
            return
        truth = _flat(given.get("y_true", given.get("target")))
        said = _flat(given.get("y_pred", given.get("y_score", given.get("preds"))))
        if truth is None or said is None or len(truth) != len(said) or len(truth) < FEWEST:
            return
        known = list(self._decisions(len(truth)))
        is_answer = any(_same(said, d) for d, _ in known)
        if is_answer:
            raw = next(r for d, r in known if _same(said, d))
            if name in RANKING and raw and len(said.unique()) == 2:
                self.world.adopt(ranked_by_decisions(name), here())
        elif (
            any(_same(truth, d) for d, _ in known)
            and not _is_symmetric(name, given)
            # else an easy task, and the answers of something else
            and (self._are_labels(said) or self._lie_with_the_goals(said))
        ):
            self.world.adopt(arguments_swapped(name), here())

    def _are_labels(self, values: Tensor) -> bool:
        """Whether these came with the batches that were answered last."""
        wholes = [torch.cat(parts)[-len(values) :] for parts in self.right.values()]
        return any(len(whole) == len(values) and _same(values, whole) for whole in wholes)

    def _lie_with_the_goals(self, values: Tensor) -> bool:
        """Whether an array of the program holds these real numbers and the targets of training."""
        if not self.goals or len(values.unique()) < len(values) // 2:
            return False
        goals, wanted = torch.cat(self.goals), values.float()
        for array in arrays_in_sight():
            rows = array.values
            if rows.is_floating_point() and rows.numel() == len(rows) > len(values):
                own = rows.reshape(-1).float()
                if bool(torch.isin(wanted, own).all()) and bool(torch.isin(goals, own).all()):
                    return True
        return False

    def _decisions(self, count: int) -> Iterator[tuple[Tensor, bool]]:
        """What the last answers of each network come to, and whether they were more than that."""
        for parts in self.answers.values():
            last: list[Tensor] = []
            while parts and sum(len(part) for part in last) < count:
                last.insert(0, parts[-len(last) - 1])
                if len(last) == len(parts):
                    break
            if sum(len(part) for part in last) != count or len({p.shape[1:] for p in last}) > 1:
                continue
            whole = torch.cat(last).float().cpu()
            if whole.dim() == 2 and whole.shape[1] > 1:
                yield whole.argmax(1).double(), True
            else:
                flat = whole.reshape(-1).double()
                yield flat, False
                for cut in (0.0, 0.5):
                    yield (flat > cut).double(), True


def _is_symmetric(name: str, given: dict[str, Any]) -> bool:
    return name in SYMMETRIC or (name == "f1_score" and given.get("average") != "weighted")


def _flat(values: Any) -> Tensor | None:
    try:
        made = torch.as_tensor(values).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        return None
    if made.dim() == 2 and made.shape[1] == 1:
        made = made[:, 0]
    return made.double() if made.dim() == 1 and not made.is_complex() else None


def _same(one: Tensor, other: Tensor) -> bool:
    return len(one.unique()) > 1 and bool(torch.allclose(one, other, rtol=1e-6, atol=1e-9))
