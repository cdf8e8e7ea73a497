"""What a program gives to its networks by hand: slices of tensors, arrays, its own generators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import address_of
from lamplighter.watch.source.lineage import names_given
from lamplighter.watch.source.place import Place, here_exactly
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import SeenModel, World

MOST_ROWS = 4096
MOST_BYTES = 2**25
MOST_CALLS = 400  # of each kind whose place is looked up
MOST_WAITING = 8
SURE = 3  # steps of other networks that a network's answers went into


@dataclass(eq=False)
class Given:
    """One call of a network, until it is known whether it was training.

    Args:
        anew: whether other weights were put into the network since its last step.
        compared: whether a loss has held what came of it against a truth.
    """

    record: SeenModel
    inputs: torch.Tensor
    place: Place | None
    in_training: bool
    targets: torch.Tensor | None = None
    loss_place: Place | None = None
    learned: bool = False
    anew: bool = False
    compared: bool = False


@dataclass(eq=False)
class Gathered:
    """Different samples that one network was given, in the order in which they first came.

    Args:
        place: where it was called, with column and way.
        loss_place: the same of its loss.
        prints: digest → number of the sample.
        rows: the samples, by batch.
        targets: what the loss compared with; None from where a batch had none.
        full: whether some samples were left out.
        sizes: samples of each batch, repeated ones too.
        orders: of the first batches, the numbers of their samples.
        first: the targets of the first batch.
        by_place: whether every batch had the same, as the two halves of a discriminator's have: then
            they tell a sample's place in the batch.
        phases: digest → the phase in which its sample was last trained on; an evaluation ends one.
        compared: whether a loss has ever held what came of them against a truth.
    """

    place: Place | None
    loss_place: Place | None = None
    prints: dict[bytes, int] = field(default_factory=dict)
    rows: list[torch.Tensor] = field(default_factory=list)
    targets: list[torch.Tensor] | None = field(default_factory=list)
    full: bool = False
    sizes: list[int] = field(default_factory=list)
    orders: list[list[int]] = field(default_factory=list)
    first: torch.Tensor | None = None
    by_place: bool = True
    size: int = 0
    phases: dict[bytes, int] = field(default_factory=dict)
    compared: bool = False

    def take(self, inputs: torch.Tensor, targets: torch.Tensor | None) -> list[bytes]:
        """Adds the samples of a batch that are new.

        Returns:
            The digests of the whole batch.
        """
        inputs = inputs.detach().cpu()
        self.sizes.append(len(inputs))
        if len(self.prints) >= MOST_ROWS or self.size >= MOST_BYTES:
            self.full = True
            return fingerprints(inputs[:256])
        prints = fingerprints(inputs[:MOST_ROWS])
        self.full |= len(inputs) > MOST_ROWS
        new = [i for i, p in enumerate(prints) if p not in self.prints]
        for index in new:
            self.prints.setdefault(prints[index], len(self.prints))
        if len(self.orders) < MOST_CALLS:
            self.orders.append([self.prints[p] for p in prints])
        if new:
            self.rows.append(inputs[new].clone())
            self.size += self.rows[-1].numel() * self.rows[-1].element_size()
            fits = targets is not None and len(targets) == len(inputs)
            if self.targets is not None and targets is not None and fits:
                mine = targets.detach().cpu()
                self.first = mine if self.first is None else self.first
                self.by_place = self.by_place and torch.equal(self.first, mine)
                self.targets.append(mine[new].clone())
            else:
                self.targets = None
        return prints

    def inputs(self) -> torch.Tensor | None:
        """All samples, `(N, …)`, or None where they have several shapes."""
        return _joined(self.rows)

    def answers(self) -> torch.Tensor | None:
        """Their targets, `(N, …)`, or None."""
        if self.targets is None or (self.by_place and len(self.targets) > 1):
            return None
        return _joined(self.targets)


@dataclass(eq=False)
class Visit:
    """The samples that were evaluated within one phase: how many, and when they had been trained on.

    `trained`: how many others had been by then.
    """

    trained: int = 0
    count: int = 0
    unseen: int = 0
    now: int = 0

    @property
    def before(self) -> int:
        """Those that were trained on in earlier phases alone."""
        return self.count - self.unseen - self.now


@dataclass(eq=False)
class Evaluated:
    """Calls of a network from one line that no step followed.

    Args:
        shares: of each call, the part of its samples that the network had been trained on, and
            how many samples.
        known: digests of trained samples that came here.
        visits: phase → what came here in it.
        first: digests of those of the first phase.
        steps: optimizer steps of the program when the last of them came.
    """

    record: SeenModel
    samples: Gathered
    shares: list[tuple[float, int]] = field(default_factory=list)
    known: set[bytes] = field(default_factory=set)
    in_evaluation_mode: bool = False
    visits: dict[int, Visit] = field(default_factory=dict)
    first: set[bytes] = field(default_factory=set)
    steps: int = 0

    def is_called_a_test(self) -> bool:
        """Whether the source calls what is given here a part for evaluation."""
        place = self.samples.place
        names = names_given(place) if place is not None else []
        roles = [role for name in names if (role := likely_role([name], None))]
        return roles[:1] == ["evaluation"]

    def met(self, prints: list[bytes], phase: int, trained: dict[bytes, int]) -> None:
        """Notes when the samples of a call had been trained on.

        Args:
            prints: their digests.
            phase: the present one.
            trained: digest → phase.
        """
        visit = self.visits.setdefault(phase, Visit(len(trained)))
        visit.count += len(prints)
        visit.unseen += sum(p not in trained for p in prints)
        visit.now += sum(trained.get(p) == phase for p in prints)
        if len(self.visits) == 1:
            self.first.update(prints)


class Feeds(Watcher):
    """Gathers what networks are given while no loader is walked over; judges nothing itself."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.feeds = self
        self.waiting: list[Given] = []
        self.trained: dict[int, tuple[SeenModel, Gathered]] = {}
        self.evaluated: dict[tuple[Any, ...], Evaluated] = {}
        self.mixed: set[int] = set()
        self.versions: dict[int, list[int]] = {}
        self.put_back: set[int] = set()  # networks into which a state was loaded since they learned
        self.phases: Counter[int] = Counter()
        self.evaluated_since: set[int] = set()
        self.asked: set[int] = set()
        self.helped: Counter[int] = Counter()
        self.answers: dict[bytes, int] = {}
        self.calls = 0
        self.loaded: set[int] = set()
        self.newest: tuple[int, list[torch.UntypedStorage]] = (0, [])
        self.handed: tuple[set[tuple[int, int]], set[tuple[int, int]]] = (set(), set())

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.loaded = {address_of(tensor) for tensor in tensors_in(batch)} - {0}

    def woken(self) -> None:
        self.waiting = []
        self.versions = {}  # the steps in between have moved the weights, nobody has replaced them

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.world.current() is not None or self.calls > 8 * MOST_CALLS:
            return
        inputs = next(tensors_in([*args, *kwargs.values()]), None)
        self._note_handing_on(module, inputs)
        if inputs is None or inputs.dim() == 0 or not len(inputs):
            return
        if inputs.requires_grad or inputs.dtype == torch.bfloat16:
            return
        if address_of(inputs) in self.loaded:
            return  # a loader's batch, though its walk is over
        self.calls += 1
        self._settle_evaluations()
        place = here_exactly() if self.calls <= MOST_CALLS else None
        record = self.world.seen(module)
        given = Given(record, inputs.detach(), place, module.training)
        given.anew = self._was_replaced(id(record), module)
        self.waiting.append(given)

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        self.newest = (0, [])
        if self.world.current() is None and self.calls <= 8 * MOST_CALLS:
            held = [t.untyped_storage() for t in tensors_in(output)]
            self.newest = (id(self.world.seen(module)), held)
        if self.waiting and self.waiting[-1].record.module is module:
            graph = any(t.requires_grad for t in tensors_in(output))
            if not graph:
                self._evaluation(self.waiting.pop())
                self._remember(module, output)
            elif len(self.waiting) > MOST_WAITING:
                self.waiting = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if given.get("reduction", "mean") == "none":
            return  # weighed by a return or an importance: the target is no answer
        if self.waiting and isinstance(target, torch.Tensor) and target.dim():
            for one in self.waiting:
                one.compared = one.compared or not target.requires_grad
            last = self.waiting[-1]
            if len(target) == len(last.inputs) and not target.requires_grad:
                last.targets, last.loss_place = target.detach(), here_exactly()

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        for given in self.waiting:
            given.learned = True

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        learned = [g for g in self.waiting if g.learned and _can_learn(g.record.module)]
        self.waiting = []
        if len({id(given.record) for given in learned}) > 1:
            self.mixed |= {id(given.record) for given in learned}
        for given in learned:
            self._training(given)
            module = given.record.module
            if module is not None:
                self.versions[id(given.record)] = versions_of(module)
                self.put_back.discard(id(module))
        if learned:
            self.helped.update(self.asked - {id(given.record) for given in learned})
            self.asked = set()

    def makes_features(self, record: SeenModel) -> bool:
        """Whether other networks learned from what this one answered, as from a frozen backbone."""
        return self.helped[id(record)] >= SURE

    def is_only_the_body(self, record: SeenModel) -> bool:
        """Whether a network learned as the first part of another one, and now answers without it.

        What it gives then is no answer that is scored, and may be features of all samples.
        """
        trained, since = self.handed
        mine = {pair for pair in trained if pair[0] == id(record)}
        return bool(mine) and not mine & since

    def _note_handing_on(self, module: nn.Module, inputs: torch.Tensor | None) -> None:
        """Notes where a network is given what another one has just answered."""
        owner, held = self.newest
        if inputs is None or not owner:
            return
        if any(one.data_ptr() == inputs.untyped_storage().data_ptr() for one in held):
            self.handed[not inputs.requires_grad].add((owner, id(self.world.seen(module))))

    def _remember(self, module: nn.Module, output: Any) -> None:
        """Keeps digests of a few answers: another network may be trained on them."""
        first = next(tensors_in(output), None)
        if first is None or first.dim() < 2 or len(self.answers) >= MOST_ROWS:
            return
        owner = id(self.world.seen(module))
        self.answers |= dict.fromkeys(fingerprints(first[:8].detach()), owner)

    def fed_now(self) -> Given | None:
        """The call whose loss is about to be stepped on, if a single network was called."""
        learned = [given for given in self.waiting if given.learned]
        return learned[-1] if learned and len({id(g.record) for g in learned}) == 1 else None

    def evaluations(self) -> Iterator[Evaluated]:
        """Those of networks that were trained alone."""
        self._settle_evaluations()
        for one in self.evaluated.values():
            if id(one.record) not in self.mixed:
                yield one

    def _settle_evaluations(self) -> None:
        """A call with a graph that no backward() used before the next one was no training."""
        if self.waiting and not any(given.learned for given in self.waiting):
            old = [given for given in self.waiting if given.targets is None]
            if len(old) == len(self.waiting) and not any(g.in_training for g in old):
                for given in old:
                    self._evaluation(given)
                self.waiting = []

    def _training(self, given: Given) -> None:
        key = id(given.record)
        known = self.trained.get(key)
        if known is None or given.anew:  # another fold has forgotten what it learned
            known = (given.record, Gathered(given.place))
            self.trained[key] = known
        known[1].loss_place = known[1].loss_place or given.loss_place
        known[1].compared |= given.compared
        if key in self.evaluated_since:
            self.evaluated_since.discard(key)
            self.phases[key] += 1
        prints = known[1].take(given.inputs, given.targets)
        for owner in {self.answers[p] for p in prints if p in self.answers} - {key}:
            self.helped[owner] += SURE
        known[1].phases |= dict.fromkeys(prints, self.phases[key])

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        self.put_back.add(id(module))

    def _was_replaced(self, key: int, module: nn.Module) -> bool:
        before, now = self.versions.get(key), versions_of(module)
        return id(module) in self.put_back or (bool(before) and before != now)

    def _evaluation(self, given: Given) -> None:
        place = given.place
        if place is None or not self.world.steps:
            return
        way = tuple((p.file, p.line, p.column) for p in (place, *place.outer))
        key = (id(given.record), way)
        one = self.evaluated.get(key)
        if one is None:
            if len(self.evaluated) >= 32:
                return
            one = self.evaluated[key] = Evaluated(given.record, Gathered(place))
        one.steps = self.world.steps
        one.in_evaluation_mode |= not given.in_training
        prints = one.samples.take(given.inputs, None)
        known = self.trained.get(id(given.record))
        seen = [p for p in prints if known is not None and p in known[1].prints]
        one.known.update(seen)
        self.evaluated_since.add(id(given.record))
        self.asked.add(id(given.record))
        one.met(prints, self.phases[id(given.record)], known[1].phases if known is not None else {})
        one.shares.append((len(seen) / max(1, len(prints)), len(prints)))


def _can_learn(module: nn.Module | None) -> bool:
    """Whether a network has a weight that gradients are kept of; one that is gone is taken to have."""
    return module is None or any(p.requires_grad for p in module.parameters())


def versions_of(module: nn.Module) -> list[int]:
    """torch's counters of changes of the first and the last weight."""
    weights = [p for p in module.parameters() if p.requires_grad and not p.is_inference()]
    return [p._version for p in (weights[:1] + weights[-1:])]


def _joined(parts: list[torch.Tensor]) -> torch.Tensor | None:
    if not parts or len({p.shape[1:] for p in parts}) > 1 or len({p.dtype for p in parts}) > 1:
        return None
    return torch.cat(parts)
