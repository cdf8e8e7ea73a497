"""What the scores of a library are given: answers for labels, decisions for scores. E101."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batch_scores import OF_EACH_SAMPLE
from lamplighter.checks.scoring import arguments_swapped, ranked_by_decisions
from lamplighter.watch.data.arrays import arrays_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.arguments import are_called_otherwise
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.score.answered import Answered
    from lamplighter.watch.world import World

FEWEST = 16  # answers
RANKING = ("roc_auc_score", "average_precision_score")
# the same whichever comes first
SYMMETRIC = (
    *("matthews_corrcoef", "cohen_kappa_score", "accuracy_score"),
    *("cohen_kappa", "pearson_corrcoef", *OF_EACH_SAMPLE),
)
MOST_GOALS = 256  # targets of training that are looked for in the program's arrays


class ScoreArguments(Watcher):
    """Looks in a score's arguments for what networks answered since the last step."""

    codes = ("E101",)

    def __init__(self, world: World) -> None:
        self.world = world

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        seen = self.world.answered
        if seen is None or not seen.answers or self.world.found("E101"):
            return
        truth = _flat(given.get("y_true", given.get("target")))
        said = _flat(given.get("y_pred", given.get("y_score", given.get("preds"))))
        if truth is None or said is None or len(truth) != len(said) or len(truth) < FEWEST:
            return
        known = list(_decisions(seen, len(truth)))
        raw = next((raw for decided, raw in known if _same(said, decided)), None)
        if raw is not None:
            if name in RANKING and raw and len(said.unique()) == 2:
                self.world.adopt(ranked_by_decisions(name), here())
        elif not _is_symmetric(name, given) and _is_swapped(seen, name, truth, said, known):
            self.world.adopt(arguments_swapped(name), here())


def _is_swapped(
    seen: Answered, name: str, truth: Tensor, said: Tensor, known: list[tuple[Tensor, bool]]
) -> bool:
    """Whether the truth is what a network answered, and the answers are the labels.

    Else it may be an easy task, and the answers of something else.
    """
    is_decided = any(_same(truth, decided) for decided, _ in known)
    if is_decided and (_are_labels(seen, said) or _lie_with_the_goals(seen, said)):
        return True
    scores = [flat for flat, decided in known if not decided]
    cut = any(_is_cut_from(flat, truth) and not _is_cut_from(flat, said) for flat in scores)
    return (is_decided or cut) and are_called_otherwise(name, here())


def _is_cut_from(scores: Tensor, marks: Tensor) -> bool:
    """Whether ones are just those with the scores above some number, wherever it lies."""
    ones = marks == 1
    if not bool((ones | (marks == 0)).all()) or not 0 < int(ones.sum()) < len(marks):
        return False
    return float(scores[ones].min()) > float(scores[~ones].max())


def _are_labels(seen: Answered, values: Tensor) -> bool:
    """Whether these came with the batches that were answered last."""
    wholes = [torch.cat(parts)[-len(values) :] for parts in seen.right.values()]
    return any(len(whole) == len(values) and _same(values, whole) for whole in wholes)


def _lie_with_the_goals(seen: Answered, values: Tensor) -> bool:
    """Whether an array of the program holds these real numbers and the targets of training."""
    if not seen.goals or len(values.unique()) < len(values) // 2:
        return False
    goals, wanted = torch.cat(seen.goals)[:MOST_GOALS], values.float()
    for array in arrays_in_sight():
        rows = array.values
        if rows.is_floating_point() and rows.numel() == len(rows) > len(values):
            own = rows.reshape(-1).float()
            if bool(torch.isin(wanted, own).all()) and bool(torch.isin(goals, own).all()):
                return True
    return False


def _decisions(seen: Answered, count: int) -> Iterator[tuple[Tensor, bool]]:
    """What the last answers of each network come to, and whether they were more than that."""
    for parts in seen.answers.values():
        last: list[Tensor] = []
        for part in reversed(parts):
            if sum(map(len, last)) >= count:
                break
            last.insert(0, part)
        if sum(map(len, last)) != count or len({p.shape[1:] for p in last}) > 1:
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
