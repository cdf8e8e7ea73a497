"""`lamp.watch`: the user's own loop, observed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lamplighter.checks.finding import Finding, worst_first
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.errors import UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.watch import attention
from lamplighter.watch.data.boxes import Boxes
from lamplighter.watch.data.comparisons import Comparisons
from lamplighter.watch.data.encoded_means import EncodedMeans
from lamplighter.watch.data.entrance import Entrance
from lamplighter.watch.data.evaluated_inputs import EvaluatedInputs
from lamplighter.watch.data.fed import Fed
from lamplighter.watch.data.feeds import Feeds
from lamplighter.watch.data.folds import Folds
from lamplighter.watch.data.graph_batches import GraphBatches
from lamplighter.watch.data.groups import Groups
from lamplighter.watch.data.held_out import HeldOut
from lamplighter.watch.data.loaders import Loaders
from lamplighter.watch.data.name_codes import NameCodes
from lamplighter.watch.data.names_seen import NamesSeen
from lamplighter.watch.data.passes import Bounds
from lamplighter.watch.data.pretrained import Pretrained
from lamplighter.watch.data.readings import Readings
from lamplighter.watch.data.resumed import Resumed
from lamplighter.watch.data.scaling import Scaling
from lamplighter.watch.data.shared_sets import SharedSets
from lamplighter.watch.data.target_scales import TargetScales
from lamplighter.watch.data.targets import Targets
from lamplighter.watch.data.unsigned import Unsigned
from lamplighter.watch.dropped import DroppedResults
from lamplighter.watch.events import Stream, Watcher
from lamplighter.watch.files.artifacts import Artifacts
from lamplighter.watch.files.saving import Saving
from lamplighter.watch.files.silenced import Silenced
from lamplighter.watch.files.unsaved import Unsaved
from lamplighter.watch.loop.accumulation import Accumulation
from lamplighter.watch.loop.action_numbers import ActionNumbers
from lamplighter.watch.loop.bootstraps import Bootstraps
from lamplighter.watch.loop.finite import Finite, Rounding
from lamplighter.watch.loop.hand_steps import HandSteps
from lamplighter.watch.loop.idle import IdleOptimizers
from lamplighter.watch.loop.lengths import Lengths
from lamplighter.watch.loop.loss_scales import LossScales
from lamplighter.watch.loop.policies import Policies
from lamplighter.watch.loop.rates import Rates
from lamplighter.watch.loop.renewed import RenewedOptimizers
from lamplighter.watch.loop.returns import Returns
from lamplighter.watch.loop.schedules import Schedules
from lamplighter.watch.loop.seeding import Seeding
from lamplighter.watch.loop.shared_groups import SharedGroups
from lamplighter.watch.loop.starved import Starved
from lamplighter.watch.loop.steps import StepOrder
from lamplighter.watch.loop.wasted import Wasted
from lamplighter.watch.loss.alignments import Alignments
from lamplighter.watch.loss.arithmetic import Arithmetic
from lamplighter.watch.loss.class_weights import ClassWeights
from lamplighter.watch.loss.cosines import Cosines
from lamplighter.watch.loss.dropped_answers import DroppedAnswers
from lamplighter.watch.loss.flattened import Flattened
from lamplighter.watch.loss.held_out_rows import HeldOutRows
from lamplighter.watch.loss.ignored import IgnoredClasses
from lamplighter.watch.loss.losses import Losses
from lamplighter.watch.loss.masked_minima import MaskedMinima
from lamplighter.watch.loss.noise_levels import NoiseLevels
from lamplighter.watch.loss.own_forms import OwnForms
from lamplighter.watch.loss.own_losses import OwnLosses
from lamplighter.watch.loss.partners import Partners
from lamplighter.watch.loss.reach import Reach
from lamplighter.watch.loss.spreads import Spreads
from lamplighter.watch.loss.still_losses import StillLosses
from lamplighter.watch.loss.terms import Terms
from lamplighter.watch.loss.turned import TurnedScores
from lamplighter.watch.network.cutting import Cutting
from lamplighter.watch.network.evaluated import EvaluatedNorms
from lamplighter.watch.network.forgetful import ForgetfulNorms
from lamplighter.watch.network.freezing import Freezing
from lamplighter.watch.network.gaps import Gaps
from lamplighter.watch.network.handed_states import HandedStates
from lamplighter.watch.network.loose import LooseParameters
from lamplighter.watch.network.lost_states import LostStates
from lamplighter.watch.network.models import Models
from lamplighter.watch.network.modes import Modes
from lamplighter.watch.network.norms import FrozenNorms
from lamplighter.watch.network.probes import Probes
from lamplighter.watch.network.real_steps import RealSteps
from lamplighter.watch.network.replicas import Replicas
from lamplighter.watch.network.strangers import Strangers
from lamplighter.watch.network.teachers import Teachers
from lamplighter.watch.network.unchanged import UnchangedNetworks
from lamplighter.watch.network.weighing import Weighing
from lamplighter.watch.network.weights import Weights
from lamplighter.watch.score.answered import Answered
from lamplighter.watch.score.batch_scores import BatchScores
from lamplighter.watch.score.choosing import Choosing
from lamplighter.watch.score.cycles import Cycles
from lamplighter.watch.score.early_returns import EarlyReturns
from lamplighter.watch.score.joined_answers import JoinedAnswers
from lamplighter.watch.score.keeping import Keeping
from lamplighter.watch.score.known_edges import KnownEdges
from lamplighter.watch.score.metrics import Metrics
from lamplighter.watch.score.score_arguments import ScoreArguments
from lamplighter.watch.score.shares import Shares
from lamplighter.watch.score.tallies import Tallies
from lamplighter.watch.score.units import Units
from lamplighter.watch.sources import Sources
from lamplighter.watch.taps.collectives import tap_collectives
from lamplighter.watch.taps.data import DATA_TAPS
from lamplighter.watch.taps.operations import tap_operations
from lamplighter.watch.taps.resizing import tap_resizing
from lamplighter.watch.taps.scalers import tap_scalers
from lamplighter.watch.taps.scores import tap_scores
from lamplighter.watch.taps.seeds import tap_seeds
from lamplighter.watch.taps.sets import tap_sets
from lamplighter.watch.taps.training import TRAINING_TAPS
from lamplighter.watch.taps.warnings import tap_warnings
from lamplighter.watch.taps.wrapping import Taps
from lamplighter.watch.world import World

if TYPE_CHECKING:
    import torch
    from torch import nn


# everything that is looked at, in the order in which it hears
KINDS: tuple[Callable[[World], Watcher], ...] = (
    StepOrder,
    Accumulation,
    Modes,
    Losses,
    OwnLosses,
    Arithmetic,
    OwnForms,
    Spreads,
    TurnedScores,
    Reach,
    Cosines,
    Alignments,
    IgnoredClasses,
    NoiseLevels,
    DroppedAnswers,
    HeldOutRows,
    Flattened,
    Weighing,
    Cutting,
    ClassWeights,
    StillLosses,
    Models,
    Strangers,
    Teachers,
    UnchangedNetworks,
    FrozenNorms,
    ForgetfulNorms,
    Folds,
    Freezing,
    Loaders,
    Comparisons,
    Readings,
    Resumed,
    Feeds,
    Scaling,
    EncodedMeans,
    Fed,
    NamesSeen,
    NameCodes,
    SharedSets,
    TargetScales,
    EvaluatedInputs,
    HeldOut,
    Groups,
    Unsigned,
    Boxes,
    Targets,
    Choosing,
    Keeping,
    Schedules,
    Lengths,
    Saving,
    Artifacts,
    LostStates,
    Unsaved,
    Finite,
    Rounding,
    Tallies,
    Cycles,
    Metrics,
    BatchScores,
    Answered,
    ScoreArguments,
    Units,
    EarlyReturns,
    KnownEdges,
    JoinedAnswers,
    Probes,
    Entrance,
    GraphBatches,
    Gaps,
    HandedStates,
    Pretrained,
    DroppedResults,
    Sources,
    Replicas,
    Wasted,
    Rates,
    SharedGroups,
    RenewedOptimizers,
    LossScales,
    EvaluatedNorms,
    Terms,
    Partners,
    MaskedMinima,
    IdleOptimizers,
    HandSteps,
    Starved,
    Silenced,
    Shares,
    RealSteps,
    Seeding,
    Bootstraps,
    Policies,
    ActionNumbers,
    Returns,
    LooseParameters,
)


def watchers(world: World, frozen: tuple[str, ...] = ()) -> list[Watcher]:
    """One of each kind, those first that the others ask."""
    return [world, world.origins, *(kind(world) for kind in KINDS), Weights(world, frozen)]


class Watch:
    """Observes training between `with` and its end; no number of the training changes.

    Args:
        model: the network; None: whatever is called.
        optimizer: one or several; None: whatever steps.
        frozen: beginnings of the names of parameters that are to stay as they are.
        evaluated_model: the network, or several, whose answers are scored, such as an average of
            the weights; None: any.
        listener: hears each finding when the block ends.
        bounds: how far loaders are walked; by default to their end.
        keep: whether the program runs to be looked at: networks and loaders that it lets go are
            kept for the last look, and each change in its course is followed closely.
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        optimizer: torch.optim.Optimizer | Iterable[torch.optim.Optimizer] | None = None,
        *,
        frozen: Iterable[str] = (),
        evaluated_model: nn.Module | Iterable[nn.Module] | None = None,
        listener: Listener = SILENT,
        bounds: Bounds | None = None,
        keep: bool = False,
    ) -> None:
        self.world = World(kept=[] if keep else None)
        self.listener = listener
        self.watchers = watchers(self.world, tuple(frozen))
        self.stream = Stream(self.watchers)
        self.world.noted = self.stream.noted
        patience = attention.EVENTS_OF_A_TRIAL if keep else attention.EVENTS_OF_A_TRAINING
        self.operations = (
            attention.OPERATIONS_OF_A_TRIAL if keep else attention.OPERATIONS_OF_A_TRAINING
        )
        self.stream.add(
            attention.Attention(
                patience, self.stream.wake, self.stream.rest, seldom=attention.SELDOM
            )
        )
        self.taps = Taps(self.stream, bounds or Bounds())
        if model is not None:
            self.world.seen(model)
        scored = [] if evaluated_model is None else _as_list(evaluated_model)
        self.world.evaluated = [weakref.ref(one) for one in scored]
        several = [] if optimizer is None else _as_list(optimizer)
        for one in several:
            self.world.owner_record(one)

    def allow(self, code: str, reason: str = "") -> Watch:
        """Declares that a code is wanted here.

        Args:
            code: such as "R103".
            reason: kept with the finding.
        """
        if not (len(code) == 4 and code[0].isupper() and code[1:].isdigit()):
            raise UsageError(f"expected a finding code such as R103, got {code!r}")
        self.world.allowed[code] = reason
        return self

    def __enter__(self) -> Watch:
        self.open()
        return self

    def open(self) -> None:
        """Begins to watch."""
        taps = (*TRAINING_TAPS, *DATA_TAPS, tap_resizing, tap_scalers, tap_scores, tap_sets)
        for tap in (*taps, tap_seeds, tap_warnings, tap_collectives):
            tap(self.taps)
        tap_operations(self.taps, self.operations)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.world.whole = kind is None
        self.close()

    def close(self) -> None:
        """Ends watching; the findings are complete then."""
        if not self.taps.undo:
            return
        self.stream.wake()
        self.taps.settle()
        self.stream.tell("ended")
        self.taps.close()
        for finding in self.findings:
            self.listener.finding(finding)

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, worst first; some codes are only told at the end."""
        return worst_first(mark_allowed(self.world.findings.values(), self.world.allowed))

    @property
    def checks(self) -> int:
        """How many codes are looked for."""
        return len({code for watcher in self.watchers for code in watcher.codes})

    @property
    def steps(self) -> int:
        """Optimizer steps seen."""
        return self.world.steps

    @property
    def faults(self) -> list[str]:
        """Watchers that failed themselves, and therefore saw less."""
        return list(self.stream.faults)


def watch(
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | Iterable[torch.optim.Optimizer] | None = None,
    *,
    allow: dict[str, str] | None = None,
    frozen: Iterable[str] = (),
    evaluated_model: nn.Module | Iterable[nn.Module] | None = None,
    listener: Listener = SILENT,
) -> Watch:
    """Observes the user's own training loop.

        with lamp.watch(net, optimizer) as watch:
            for images, labels in loader: ...
        print(watch.findings)

    Args:
        model: the network; None: whatever is called.
        optimizer: one or several; None: whatever steps.
        allow: code → reason for what is wanted.
        frozen: beginnings of the names of parameters that are to stay as they are.
        evaluated_model: the network, or several, whose answers are scored, such as an average of
            the weights; other networks may then answer beside it without being compared with what
            is reported. None: any.
        listener: hears each finding when the block ends.

    Returns:
        A context manager whose `findings` grow while the loop runs.
    """
    made = Watch(
        model, optimizer, frozen=frozen, evaluated_model=evaluated_model, listener=listener
    )
    for code, reason in (allow or {}).items():
        made.allow(code, reason)
    return made


def _as_list(things: Any) -> list[Any]:
    return list(things) if isinstance(things, list | tuple) else [things]
