"""Weights of classes that a loss is given, against the classes that it meets: L115."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import WeightedRandomSampler

from lamplighter.checks import class_weights as criteria
from lamplighter.checks.batches import labels_of
from lamplighter.checks.finding import Finding
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, frames, here
from lamplighter.watch.source.statements import only_call_with
from lamplighter.watch.taps.names import KEEPING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

ENOUGH = 400  # targets that are counted where the data set does not tell its labels
MOST_CLASSES = 256
CHOICES = (
    *("cross_entropy", "nll_loss"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
)
# by which each sample is given the weight of its class
TAKING = frozenset(("__getitem__", "index_select", "take", "gather"))
MOST_SETS = 1_000_000  # samples of a data set whose labels are counted at once


class ClassWeights(Watcher):
    """Counts the classes that weighted losses meet; each line of the program is judged once."""

    codes = ("L115",)
    operations = KEEPING | RESHAPING | TAKING | {"mul"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts: dict[tuple[Place | None, int], Tensor] = {}
        self.judged: set[tuple[Place | None, int]] = set()
        self.sides = False
        # losses of each sample → the function and its target
        self.unreduced: ByIdentity[tuple[str, Tensor]] = ByIdentity()
        self.of_label: dict[Place | None, dict[float, tuple[int, float]]] = {}
        # weights that were taken out of a table by the number of the class → those numbers
        self.taken: ByIdentity[Tensor] = ByIdentity()

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if not torch.is_grad_enabled() or self.world.found("L115"):
            return
        weight, target = given.get("weight"), given.get("target")
        if name in CHOICES and isinstance(result, Tensor) and isinstance(target, Tensor):
            self._look_at_samples(name, weight, target, result)
        if name == "binary_cross_entropy_with_logits":
            weight = given.get("pos_weight")
        elif name not in ("cross_entropy", "nll_loss"):
            return
        if not isinstance(weight, Tensor) or not isinstance(target, Tensor) or weight.dim() > 1:
            return
        key = (here(), id(weight))
        if key in self.judged or weight.numel() > MOST_CLASSES:
            return
        self.sides = name == "binary_cross_entropy_with_logits"
        if self.sides:
            self._count_sides(key, weight.detach(), target.detach())
        elif not target.is_floating_point() and weight.dim() == 1:
            self._count_classes(key, name, weight.detach(), target.detach(), given)

    def _look_at_samples(self, name: str, weight: Any, target: Tensor, result: Tensor) -> None:
        """Losses of each sample wait for their weights, which some functions take themselves."""
        if result.dim() and result.requires_grad and result.numel() == target.numel() > 1:
            self.unreduced[result] = (name, target.detach())
        own = isinstance(weight, Tensor) and weight.numel() == target.numel() > 1
        if own and name.startswith("binary"):
            self._count_samples(name, target.detach(), weight)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name in TAKING:
            self._look_at_table(args, kwargs, result)
        elif name != "mul" and args and (numbers := self.taken.get(args[0])) is not None:
            self.taken[result] = numbers
        if name != "mul" or len(args) != 2 or not (self.unreduced or self.taken):
            return
        for losses, weight in (args, args[::-1]):
            known = self.unreduced.get(losses)
            plain = isinstance(weight, Tensor) and not weight.requires_grad
            if known is not None and plain and weight.numel() == known[1].numel():
                self._count_samples(*known, weight)
            elif plain and (numbers := self.taken.get(weight)) is not None:
                own = isinstance(losses, Tensor) and losses.requires_grad
                if own and losses.shape == weight.shape == numbers.shape:
                    self._count_samples("own weights", numbers, weight)

    def _look_at_table(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """`w[y]` and its like: one number for each sample, out of a row of one for each class."""
        given = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
        if len(given) != 2 or not isinstance(result, Tensor) or result.requires_grad:
            return
        table, numbers = given
        is_table = table.dim() == 1 and table.is_floating_point() and len(table) <= MOST_CLASSES
        are_classes = numbers.dtype == torch.int64 and numbers.dim() == 1 and len(numbers) > 1
        if is_table and are_classes and result.shape == numbers.shape:
            self.taken[result] = numbers.detach()

    def _count_samples(self, name: str, target: Tensor, weight: Tensor) -> None:
        """Weights that are the same for all samples of one class are weights of the classes."""
        key = (here(), -1)
        if key in self.judged or self.world.found("L115"):
            return
        labels, weights = target.flatten().cpu(), weight.detach().flatten().cpu()
        known = self.of_label.setdefault(key[0], {})
        for label in labels.unique().tolist():
            own = weights[labels == label]
            count, value = known.get(label, (0, float(own[0])))
            if value <= 0 or float((own - value).abs().max()) > 1e-5 * value or len(known) > 64:
                self.judged.add(key)
                return
            known[label] = (count + len(own), value)
        if sum(count for count, _ in known.values()) >= ENOUGH:
            self.judged.add(key)
            counts, values = zip(*(known[label] for label in sorted(known)), strict=True)
            told = criteria.weights_rise_with_frequency(values, counts, where=name)
            # what an author gives to one side for another reason is no inverse of anything
            self.world.adopt((f for f in told if f.level == "error"), key[0])

    def _count_classes(
        self, key: Any, name: str, weight: Tensor, target: Tensor, given: dict[str, Any]
    ) -> None:
        known = self._whole_set(target)
        size = len(weight)
        if known is None:
            ignored = given.get("ignore_index")
            labels = target.flatten()
            labels = labels[(labels >= 0) & (labels < size) & (labels != ignored)]
            counts = torch.bincount(labels, minlength=size).cpu()
            known = self.counts[key] = self.counts.get(key, torch.zeros_like(counts)) + counts
            if int(known.sum()) < ENOUGH:
                return
        if len(known) <= size:
            counts = torch.nn.functional.pad(known, (0, size - len(known)))
            self._judge(
                key,
                criteria.weights_rise_with_frequency(weight.tolist(), counts.tolist(), where=name),
            )

    def _count_sides(self, key: Any, weight: Tensor, target: Tensor) -> None:
        if not bool(((target == 0) | (target == 1)).all()):
            self.judged.add(key)
            return
        size = weight.numel()
        if size > 1 and (target.dim() < 2 or target.shape[-1] != size):
            self.judged.add(key)
            return
        rows = target.reshape(-1, size).float()
        counts = torch.stack([rows.sum(0), (1 - rows).sum(0)]).cpu()
        known = self.counts[key] = self.counts.get(key, torch.zeros_like(counts)) + counts
        if int(known[:, 0].sum()) >= ENOUGH:
            sides = zip(weight.reshape(-1).tolist(), *known.long().tolist(), strict=True)
            told = [list(criteria.positive_weight_inverted(*side)) for side in sides]
            wrong = [found[0] for found in told if found]
            self._judge(key, wrong[:1] if 2 * len(wrong) > size else [])

    def _whole_set(self, target: Tensor) -> Tensor | None:
        """How often each class is in the data set that the batches come from, where it is known."""
        loader = self.world.loader()
        if loader is None or target.dim() != 1 or len(target) != loader.batch_size:
            return None
        drawn = isinstance(loader.sampler, WeightedRandomSampler)
        dataset: Any = loader.dataset
        if drawn or not hasattr(dataset, "__len__") or len(dataset) > MOST_SETS:
            return None
        labels = labels_of(dataset)
        if not labels or min(labels) < 0 or max(labels) >= MOST_CLASSES:
            return None
        counts = torch.bincount(torch.tensor(labels))
        return counts if bool((counts[target.cpu()] > 0).all()) else None

    def _judge(self, key: Any, found: Iterator[Finding] | list[Finding]) -> None:
        self.judged.add(key)
        self.counts.pop(key, None)
        files = (frame.f_code.co_filename for frame in frames())
        keyword = "pos_weight" if self.sides else "weight"
        self.world.adopt(found, only_call_with(files, keyword) or key[0])
