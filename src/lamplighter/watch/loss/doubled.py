"""A softmax or a sigmoid of what is one already, in losses of the program's own: L101, L102, L103, L106."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks import loss as criteria
from lamplighter.checks.finding import Finding
from lamplighter.checks.scores import made_by
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import LAYERS, shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 24  # calls at one line that are read
SURE = 3  # backward passes that must show it
MOST = 4  # findings that one loss carries
NORMALISING = frozenset(("log_softmax", "logsumexp", "softmax"))
SQUASHING = frozenset(("sigmoid", "log_sigmoid", "binary_cross_entropy_with_logits"))
# what leaves a probability one on its way to its logarithm
CARRYING = KEEPING | RESHAPING | {"clamp", "clamp_min", "add", "gather"}


@dataclass(frozen=True, eq=False)
class Doubled:
    """What one call showed, with its line."""

    finding: Finding
    place: Place | None


class DoubledScores(Watcher):
    """Looks at what enters the functions that a loss is written with, and whether it is sent back.

    What goes through a further layer is no answer, but weights of attention or a gate.
    """

    codes = ("L101", "L102", "L103", "L106")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks: Counter[Place | None] = Counter()
        self.twice: ByIdentity[Doubled] = ByIdentity()  # waits for its logarithm
        self.seen: ByIdentity[tuple[Doubled, ...]] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        starts = name in NORMALISING or name in SQUASHING
        if not (starts or self.seen or self.twice):
            return
        made = [t for t in shallow((result,)) if t.requires_grad]
        if not made:
            return
        given = [t for t in shallow((*args, *kwargs.values())) if t.requires_grad]
        if starts:
            dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
            self._look(name, dim, given, made[0])
        if self.twice and (known := next(filter(None, map(self.twice.get, given)), None)):
            if name == "log":
                self._add(made[0], known)
            elif name in CARRYING:
                self.twice[made[0]] = known
        if self.seen and name not in LAYERS:
            carried = tuple(d for t in given for d in self.seen.get(t) or ())
            for tensor in made if carried else ():
                for one in carried[:MOST]:
                    self._add(tensor, one)

    def _add(self, tensor: Tensor, one: Doubled) -> None:
        self.seen[tensor] = tuple(dict.fromkeys((*(self.seen.get(tensor) or ()), one)))[:MOST]

    def _look(self, name: str, dim: Any, given: list[Tensor], result: Tensor) -> None:
        place = here()
        self.looks[place] += 1
        if self.looks[place] > LOOKS or not given or given[0].dim() == 0:
            return
        for finding in _seen_in(name, dim, given[0]):
            one = Doubled(finding, place)
            if name == "softmax":
                self.twice[result] = one
            else:
                self._add(result, one)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        for root in roots:
            for one in self.seen.get(root) or ():
                if self.hits.again((one.finding.code, one.place)):
                    self.world.adopt_new([one.finding], one.place)


def _seen_in(name: str, dim: Any, given: Tensor) -> Iterator[Finding]:
    """What one call shows: "softmax" is told for probabilities alone."""
    maker = made_by(given)
    if maker == "layer":
        return
    if name in SQUASHING:
        if maker == "sigmoid":
            yield from criteria.sigmoid_twice(given, where=name)
        return
    if not isinstance(dim, int):
        return
    scores = given.movedim(dim, 1) if given.dim() > 1 else given
    yield from criteria.softmax_before_cross_entropy(scores, where=name)
    if name == "log_softmax" or (name == "logsumexp" and _ends_a_network(given, maker)):
        yield from criteria.sigmoid_before_cross_entropy(scores, where=name)
        yield from criteria.relu_on_logits(scores, where=name)


def _ends_a_network(given: Tensor, maker: str) -> bool:
    """Whether a sigmoid, or a ReLU straight upon a layer, made what a sum of exponentials is taken of.

    Such sums are also taken of distances and margins, of which some are cut off at 0.
    """
    node = given.grad_fn
    if maker == "sigmoid" or node is None or not node.name().startswith("ReluBackward"):
        return maker == "sigmoid"
    inner = node.next_functions[0][0]
    return inner is not None and inner.name().startswith(("Addmm", "MmBackward", "Convolution"))
