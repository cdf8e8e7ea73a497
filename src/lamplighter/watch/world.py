"""What has been seen so far: models, optimizers, walks over loaders, and the findings."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.utils.data import Dataset

from lamplighter.checks.finding import Finding, Level
from lamplighter.watch.data.arrays import Sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.network.origins import Origins
from lamplighter.watch.source.place import Place, here, here_exactly, names_of

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.comparisons import Comparisons
    from lamplighter.watch.data.feeds import Feeds
    from lamplighter.watch.data.lives import Lives
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.measured_again import MeasuredAgain
    from lamplighter.watch.data.numbered import Numbered
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.network.trial import Trial
    from lamplighter.watch.score.answered import Answered
    from lamplighter.watch.score.walks import Walks


MOST_KEPT = 64


@dataclass(eq=False, slots=True)
class SeenModel:
    """A module with parameters that was called from outside any module.

    Args:
        ref: weak, so that watching keeps no network alive.
        name: the user's variable, or the class.
        calls: how often it was called.
        trained: optimizer steps that moved parameters of it.
        mode_place: where `train()` or `eval()` was last called on it.
        place: where it was first called.
    """

    ref: weakref.ref[nn.Module]
    name: str
    calls: int = 0
    trained: int = 0
    mode_place: Place | None = None
    place: Place | None = None

    @property
    def module(self) -> nn.Module | None:
        """The network, while it lives."""
        return self.ref()


@dataclass(eq=False, slots=True)
class SeenOptimizer:
    """An optimizer, with where it was built, how often it stepped, and which networks it moves."""

    ref: weakref.ref[torch.optim.Optimizer]
    name: str
    place: Place | None
    steps: int = 0
    moving: dict[SeenModel, tuple[list[int], bool]] = field(default_factory=dict)

    def parameters(self) -> list[torch.Tensor]:
        """Its parameters, of all groups."""
        optimizer = self.ref()
        return [p for g in optimizer.param_groups for p in g["params"]] if optimizer else []


@dataclass(eq=False)
class World(Watcher):
    """The shared memory of all watchers; hears first.

    Args:
        allowed: code → reason, as the user declared.
        kept: what is looked at in the end and would be gone by then, as the locals of a `main()`;
            None: nothing is kept alive.
        classes: the largest number of classes that a loss was seen to choose between.
        told: code and place of what needs no second telling, at whatever line.
        origins: where layers were made and weights filled.
        whole: whether the program came to its own end.
        dropped: lines of the user's data sets that compute a result and drop it, with its name.
        comparisons: what judges data sets.
        lives: what loaders gave to which network since it began.
        feeds: what was given to networks by hand.
        measured_again: on what running statistics were measured after training.
        numbered: which numbers the names of columns have.
        answered: what networks answered since the last step.
        walks: what the latest walks over data came to.
        evaluated: the networks whose answers are scored, as the user declared; empty: any.
        noted: layers that were called in training → None, or the line where no gradient was kept.
        readers: data set → the loader that walks over it, weak.
        lasting: loaders that are built anew for each walk, one of each data set, for the last look.
        trial: the copy that the probes tried, where things are kept to the end.
        sight: the program's arrays, once somebody has asked for them at the start of this step.
    """

    always = frozenset({"batch_given", "backward_starts", "step_ended"})
    kept: list[Any] | None = None

    allowed: dict[str, str] = field(default_factory=dict)
    findings: dict[tuple[str, str, str, int], Finding] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)
    models: dict[int, SeenModel] = field(default_factory=dict)
    optimizers: dict[int, SeenOptimizer] = field(default_factory=dict)
    loaders: dict[int, Place | None] = field(default_factory=dict)
    walked: dict[int, SeenLoader] = field(default_factory=dict)
    live: list[Pass] = field(default_factory=list)
    origins: Origins = field(default_factory=Origins)
    steps: int = 0
    backwards: int = 0
    classes: int = 0
    whole: bool = True
    evaluated: list[weakref.ref[nn.Module]] = field(default_factory=list)
    dropped: dict[tuple[Place, str], None] = field(default_factory=dict)
    comparisons: Comparisons | None = None
    lives: Lives | None = None
    feeds: Feeds | None = None
    measured_again: MeasuredAgain | None = None
    numbered: Numbered | None = None
    answered: Answered | None = None
    walks: Walks | None = None
    noted: dict[int, Any] = field(default_factory=dict)
    readers: ByIdentity[weakref.ref[Any]] = field(default_factory=ByIdentity)
    lasting: list[Any] = field(default_factory=list)
    trial: Trial | None = None
    sight: Sight | None = None

    def report(
        self, code: str, level: Level, where: str, message: str, fix: str, place: Place | None
    ) -> None:
        """Keeps one finding; the same code at the same place is told once."""
        file, line = (place.file, place.line) if place else (None, None)
        if (code, where) in self.told:
            return
        key = (code, where, file or "", line or 0)
        finding = Finding(code, level, where, message, fix, file=file, line=line, step=self.steps)
        self.findings.setdefault(key, finding)

    def withdraw(self, code: str, where: str) -> None:
        """Takes back what was told too early and what the program then did not bear out."""
        for key in [key for key in self.findings if key[:2] == (code, where)]:
            del self.findings[key]

    def adopt(self, found: Iterable[Finding], place: Place | None) -> None:
        """Keeps what a criterion of `checks` found, with the line it was found at."""
        for finding in found:
            self.report(
                finding.code, finding.level, finding.where, finding.message, finding.fix, place
            )

    def adopt_new(self, found: Iterable[Finding], place: Place | None) -> None:
        """The same for codes that nobody has told yet, at whatever line."""
        for finding in found:
            if not self.found(finding.code):
                self.adopt([finding], place)

    def is_evaluated(self, module: nn.Module) -> bool:
        """Whether the answers of this network are the ones that are scored."""
        return not self.evaluated or any(ref() is module for ref in self.evaluated)

    def keep(self, thing: object) -> None:
        """Keeps a thing of the program alive until the end, if that is wanted."""
        if self.kept is not None and len(self.kept) < MOST_KEPT:
            self.kept.append(thing)

    def found(self, code: str) -> bool:
        """Whether a finding with this code was reported."""
        return bool(self.findings) and code in {key[0] for key in self.findings}

    # models

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.seen(module).calls += 1

    def seen(self, module: nn.Module) -> SeenModel:
        """The record of a model; made when it is new."""
        known = self.models.get(id(module))
        if known is None or known.module is not module:
            names = names_of(module)
            name = names[0] if names and names[0] != "self" else type(module).__name__
            known = SeenModel(weakref.ref(module), name, place=here())
            self.models[id(module)] = known
            self.keep(module)
        return known

    def networks(self, having: set[int] | None = None) -> list[tuple[SeenModel, nn.Module]]:
        """The networks that are alive, with their records.

        Args:
            having: ids of weights, of which a network has one at least; None: whatever it has.
        """
        alive = [(s, module) for s in self.models.values() if (module := s.module) is not None]
        if having is None:
            return alive
        return [(s, m) for s, m in alive if any(id(p) in having for p in m.parameters())]

    def mode_set(self, module: nn.Module, training: bool) -> None:
        if any(True for _ in module.parameters()):
            self.seen(module).mode_place = here()

    # optimizers

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizers[id(optimizer)] = SeenOptimizer(
            weakref.ref(optimizer), type(optimizer).__name__, here()
        )
        self.keep(optimizer)

    def owner_record(self, optimizer: torch.optim.Optimizer) -> SeenOptimizer:
        """The record of an optimizer; made when it was built before watching began."""
        known = self.optimizers.get(id(optimizer))
        if known is None or known.ref() is not optimizer:
            known = SeenOptimizer(weakref.ref(optimizer), type(optimizer).__name__, None)
            self.optimizers[id(optimizer)] = known
            self.keep(optimizer)
        return known

    def held(self) -> set[int]:
        """Ids of the weights that some optimizer holds."""
        return {id(p) for record in self.optimizers.values() for p in record.parameters()}

    def moves(self, optimizer: torch.optim.Optimizer, module: nn.Module) -> bool:
        """Whether an optimizer holds a parameter of a module; looked up once for its groups."""
        record, model = self.owner_record(optimizer), self.seen(module)
        sizes = [len(group["params"]) for group in optimizer.param_groups]
        known = record.moving.get(model)
        if known is None or known[0] != sizes:
            mine = {id(p) for p in record.parameters()}
            known = (sizes, any(id(p) in mine for p in module.parameters()))
            record.moving[model] = known
        return known[1]

    def descends(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer makes its loss smaller and moves a network: no picture is altered."""
        if any(group.get("maximize") for group in optimizer.param_groups):
            return False
        return any(self.moves(optimizer, network) for _, network in self.networks())

    def in_sight(self) -> Sight:
        """The program's arrays as this step begins; asked for in `step_starts` and nowhere else."""
        if self.sight is None:
            self.sight = Sight()
        return self.sight

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.sight = None
        self.steps += 1
        record = self.optimizers.get(id(optimizer))
        if record is None or record.ref() is not optimizer:
            record = self.owner_record(optimizer)
        record.steps += 1
        for current in self.live:
            current.steps += 1
        if record.steps & (record.steps - 1) == 0:
            for model, _ in self.networks({id(p) for p in record.parameters()}):
                model.trained = max(model.trained, record.steps)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.backwards += 1
        if self.live:
            self.live[-1].backwards += 1

    # loaders

    def schedule_made(self, schedule: Any) -> None:
        self.keep(schedule)

    def loader_made(self, loader: DataLoader[Any]) -> None:
        self.keep(loader)
        self.loaders[id(loader)] = here_exactly()
        weakref.finalize(loader, self.loaders.pop, id(loader), None)

    def pass_starts(self, current: Pass) -> None:
        current.place = here()
        self.live.append(current)
        loader = current.loader()
        dataset = loader.dataset if loader is not None else None
        if not isinstance(dataset, Dataset) or len(self.lasting) >= MOST_KEPT:
            return
        reader = self.readers.get(dataset)
        if reader is not None and reader() is None:
            # the data set has outlived its loader, so that nothing large is kept alive with this one
            self.lasting.append(loader)
        if reader is None or reader() is None:
            self.readers[dataset] = weakref.ref(loader)

    def batch_given(self, current: Pass, batch: Any) -> None:
        if self.live and self.live[-1] is current:
            return
        self.live = [p for p in self.live if p is not current and p.alive()]
        self.live.append(current)

    def pass_ended(self, current: Pass) -> None:
        self.live = [p for p in self.live if p is not current and p.alive()]

    def current(self) -> Pass | None:
        """The walk that handed out the newest batch and is still going on, or None."""
        while self.live:
            newest = self.live[-1]
            if not newest.complete and newest.walker() is not None:  # as `alive`, without its call
                return newest
            self.live.pop()
        return None

    def loader(self) -> DataLoader[Any] | None:
        """The loader of that walk, or None."""
        current = self.current()
        return current.loader() if current is not None else None


def active_chance(module: nn.Module) -> list[str]:
    """Names of the Dropout and BatchNorm layers that are in training mode and have an effect."""
    return [name for name, layer in module.named_modules() if layer.training and is_chancy(layer)]


def is_chancy(layer: nn.Module) -> bool:
    """Whether a layer computes something else in training than at evaluation."""
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return layer.p > 0
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return layer.track_running_stats
    if isinstance(layer, nn.RNNBase):
        return layer.dropout > 0 and layer.num_layers > 1
    return isinstance(layer, nn.MultiheadAttention) and layer.dropout > 0
