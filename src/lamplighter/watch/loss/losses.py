"""The tensors that enter the losses, and the graph behind them: L101 to L108, L110 to L112."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks import loss as criteria
from lamplighter.checks.counts import rate_for_log_rate
from lamplighter.checks.finding import Finding
from lamplighter.checks.loss import ENOUGH_VALUES
from lamplighter.checks.own_forms import is_of_rows, softmax_across_samples
from lamplighter.checks.scores import dim_of_log_softmax, made_by
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.arguments import line_of_argument, made_by_softmax
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.samples_made import line_of_target

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # calls of one loss at one line that are read closely
SURE = 3  # of them must show the same
# what no chance can bring about: one call is enough
PLAIN = frozenset({"L101", "L104", "L105", "L107", "L110"})
ELEMENTWISE = (
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "poisson_nll_loss",
    "kl_div",
    "soft_margin_loss",
)


@dataclass(eq=False, slots=True)
class Site:
    """One loss at one line of the user's code."""

    looks: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    values: list[torch.Tensor] = field(default_factory=list)

    def gathered(self, entered: torch.Tensor) -> torch.Tensor:
        """What entered at all looks so far, `(n,)`: a small batch alone is too few for a verdict."""
        self.values.append(entered.detach().flatten()[:ENOUGH_VALUES])
        return torch.cat(self.values)


class Losses(Watcher):
    """Reads the first few inputs of each loss."""

    codes = ("L101", "L102", "L103", "L104", "L105", "L106", "L107", "L108", "L110", "L111", "L112")

    def __init__(self, world: World) -> None:
        self.world = world
        self.sites: dict[tuple[str, Place | None], Site] = {}
        self.calls: Counter[str] = Counter()
        self.cut = 0

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        self.calls[name] += 1
        count = self.calls[name]
        if count > 64 and count & (count - 1):
            return
        entered, target = given.get("input"), given.get("target")
        if not isinstance(entered, torch.Tensor) or not isinstance(target, torch.Tensor):
            return
        if not entered.requires_grad and not (name == "kl_div" and target.requires_grad):
            return
        if name in ("cross_entropy", "nll_loss") and not target.is_floating_point():
            self.world.classes = max(self.world.classes, entered.shape[min(1, entered.dim() - 1)])
        place = here()
        site = self.sites.setdefault((name, place), Site())
        if site.looks >= LOOKS:
            return
        site.looks += 1
        from_layer = made_by(entered) == "layer"  # fresh logits lie in [0, 1] by chance
        if name == "binary_cross_entropy_with_logits" and not from_layer:
            several = site.gathered(entered)
            rectified = list(criteria.relu_on_logits(several, where=name))
            self._count(site, rectified or criteria.sigmoid_twice(several), place)
        elif name == "poisson_nll_loss":
            log_input = bool(given.get("log_input", True))
            self._count(site, rate_for_log_rate(entered, target, log_input=log_input), place)
        found = seen_in(name, entered.detach(), target.detach(), given, result)
        if name == "nll_loss" and (dim := dim_of_log_softmax(entered)) is not None:
            # what is no logarithm of probabilities here was one over another dimension
            found = (g for f in found for g in _as_wrong_dimension(f, dim))
        if name.startswith("binary") and is_painted(target):
            current = self.world.current()
            made = line_of_target(current.dataset()) if current is not None else None
            self._count(site, (f for f in found if f.code == "L112"), made or place)
            return
        by_chance = ("L102", "L103") if from_layer else ()
        self._count(site, (f for f in found if f.code not in by_chance), place)

    def _count(self, site: Site, found: Iterable[Finding], place: Place | None) -> None:
        for finding in found:
            site.hits[finding.code] += 1
            if site.hits[finding.code] == (1 if finding.code in PLAIN else SURE):
                if finding.code == "L110":
                    place = line_of_argument(place, 0, "input", made_by_softmax)
                self.world.adopt([finding], place)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if any(root.grad_fn is not None or not root.is_leaf for root in roots):
            return
        if any(isinstance(root, torch.nn.Parameter) for root in roots):
            return
        self.cut += 1
        if self.cut == 2:
            self.world.report(
                "L108",
                "error",
                "loss",
                "backward() starts at a tensor without a graph, so no gradient reaches the model",
                "call backward() on what the loss returned; torch.tensor(loss.item()) and "
                "detach() cut the graph",
                here(),
            )


def _as_wrong_dimension(finding: Finding, dim: int) -> Iterator[Finding]:
    if finding.code == "L104":
        yield from softmax_across_samples(dim)
    else:
        yield finding


def is_painted(target: torch.Tensor) -> bool:
    """Whether a target has the two values of a mask in bytes, 0 and 255, where 0 and 1 are meant."""
    return float(target.max()) == 255 and bool(((target == 0) | (target == 255)).all())


def seen_in(
    name: str, entered: torch.Tensor, target: torch.Tensor, given: dict[str, Any], result: Any
) -> Iterator[Finding]:
    """What one call of a loss shows.

    Args:
        name: function in `torch.nn.functional`.
        entered: its first argument, detached; classes in dimension 1 (0 for a single sample).
        target: its second argument, detached.
        given: all its arguments by name.
        result: what it returned.
    """
    if not entered.is_floating_point() or entered.numel() < 2:
        return
    values = entered.float()
    if name == "cross_entropy":
        yield from criteria.softmax_before_cross_entropy(values)
        yield from criteria.sigmoid_before_cross_entropy(values)
        yield from criteria.relu_on_logits(values)
        yield from criteria.softmax_over_wrong_dimension(values)
    elif name == "nll_loss":
        yield from criteria.nll_on_logits(values)
        yield from criteria.softmax_over_wrong_dimension(values, logarithms=True, where=name)
    elif name == "kl_div":
        yield from criteria.kl_without_log(
            values, target.float(), log_target=bool(given.get("log_target", False))
        )
        if is_of_rows(target):
            yield from criteria.softmax_over_wrong_dimension(values, logarithms=True, where=name)
    if name in ELEMENTWISE:
        yield from criteria.shapes_broadcast(values, target, where=name)
    yield from criteria.loss_and_target_unfit(name, values, target)
    if isinstance(result, torch.Tensor) and result.numel() == 1 and given.get("weight") is None:
        yield from criteria.impossible_sign(float(result.detach()), target, name=name)
