"""Rows of one group on both sides of a split: S105."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOST_ROWS = 2048
MOST_VALUES = 2**23
FEWEST_GROUPS = 8
PURE = 0.95  # of the groups have one target
NEAREST = 0.5  # of the held-out rows lie next to a row of their own group
BY_CHANCE = 5.0  # times as often as by chance


def group_on_both_sides(
    train: Tensor,
    groups: Sequence[Hashable],
    targets: Tensor | None,
    held_out: Tensor,
    theirs: Sequence[Hashable],
    *,
    name: str,
    where: str = "validation",
) -> Iterator[Finding]:
    """S105: held-out rows belong to groups that were trained on, and can be told by them.

    All rows of a group have one target and lie close together, so that whoever knows the group
    knows the answer.

    Args:
        train: `(N, …)` floating point.
        groups: of each of these rows, such as its patient.
        targets: `(N,)` of these rows, or None where they are not known.
        held_out: `(M, …)`.
        theirs: the groups of these.
        name: what the program calls the groups.
        where: the split.
    """
    if len(train) != len(groups) or len(held_out) != len(theirs) or len(held_out) < 16:
        return
    if train.shape[1:] != held_out.shape[1:] or not train.is_floating_point():
        return
    known = set(groups)
    if len(known) < FEWEST_GROUPS or len(known) > len(groups) // 2:
        return
    met = sum(group in known for group in theirs)
    if met < 0.5 * len(theirs) or not _one_target_each(groups, targets):
        return
    share, chance = _next_to_their_own(train, groups, held_out, theirs)
    if share < NEAREST or share < BY_CHANCE * chance:
        return
    yield found(
        "S105",
        where,
        f"{met} of {len(theirs)} rows are of a group (`{name}`) that was trained on, and every "
        f"group has one target: {share:.0%} lie next to a row of their own group ({chance:.0%} by "
        "chance), so that knowing the group is enough here and will not be for new ones",
        f"split by group: GroupShuffleSplit or GroupKFold with groups={name}",
    )


def _one_target_each(groups: Sequence[Hashable], targets: Tensor | None) -> bool:
    """Whether a group tells the target, and the target does not tell the group."""
    if targets is None or len(targets) != len(groups) or targets.numel() != len(targets):
        return False
    plain = targets.detach().reshape(-1).double()
    if targets.is_floating_point() and len(torch.unique(plain)) > len(plain) // 4:
        plain = plain.round(decimals=3)
    seen: dict[Hashable, set[float]] = {}
    for group, target in zip(groups, plain.tolist(), strict=True):
        seen.setdefault(group, set()).add(target)
    values = {target for of_one in seen.values() for target in of_one}
    pure = sum(len(of_one) == 1 for of_one in seen.values())
    if pure < PURE * len(seen) or len(values) < 2:
        return False
    return targets.is_floating_point() or len(values) <= len(seen) // 2


def _next_to_their_own(
    train: Tensor, groups: Sequence[Hashable], held_out: Tensor, theirs: Sequence[Hashable]
) -> tuple[float, float]:
    """The share of held-out rows whose nearest row of train is of their group, and by chance."""
    room = max(64, MOST_VALUES // max(1, train[0].numel()))
    step = max(1, -(-len(train) // min(MOST_ROWS, room)))
    jump = max(1, -(-len(held_out) // min(MOST_ROWS, room)))
    mine, kept = train[::step].detach().flatten(1).float(), list(groups)[::step]
    rows, wanted = held_out[::jump].detach().flatten(1).float(), list(theirs)[::jump]
    spread = mine.std(0)
    used = spread > 1e-6
    if not bool(used.any()) or not bool(torch.isfinite(mine).all() & torch.isfinite(rows).all()):
        return 0.0, 1.0
    nearest = torch.cdist(rows[:, used] / spread[used], mine[:, used] / spread[used]).argmin(1)
    hits = [kept[int(at)] == group for at, group in zip(nearest, wanted, strict=True)]
    counts: dict[Hashable, int] = {}
    for group in kept:
        counts[group] = counts.get(group, 0) + 1
    chance = sum(counts.get(group, 0) for group in wanted) / (len(wanted) * len(kept))
    return sum(hits) / len(hits), chance
