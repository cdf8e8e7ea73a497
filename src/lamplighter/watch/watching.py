"""`lamp.watch`: the user's own loop, observed."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lamplighter.checks.finding import Finding, worst_first
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.errors import UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.watch import attention
from lamplighter.watch.accumulation import Accumulation
from lamplighter.watch.arithmetic import Arithmetic
from lamplighter.watch.artifacts import Artifacts
from lamplighter.watch.batch_scores import BatchScores
from lamplighter.watch.bootstraps import Bootstraps
from lamplighter.watch.boxes import Boxes
from lamplighter.watch.choosing import Choosing
from lamplighter.watch.class_weights import ClassWeights
from lamplighter.watch.comparisons import Comparisons
from lamplighter.watch.cutting import Cutting
from lamplighter.watch.cycles import Cycles
from lamplighter.watch.dropped import DroppedResults
from lamplighter.watch.early_returns import EarlyReturns
from lamplighter.watch.entrance import Entrance
from lamplighter.watch.evaluated import EvaluatedNorms
from lamplighter.watch.evaluated_inputs import EvaluatedInputs
from lamplighter.watch.events import Stream, Watcher
from lamplighter.watch.fed import Fed
from lamplighter.watch.feeds import Feeds
from lamplighter.watch.finite import Finite, Rounding
from lamplighter.watch.folds import Folds
from lamplighter.watch.freezing import Freezing
from lamplighter.watch.hand_steps import HandSteps
from lamplighter.watch.held_out import HeldOut
from lamplighter.watch.idle import IdleOptimizers
from lamplighter.watch.keeping import Keeping
from lamplighter.watch.lengths import Lengths
from lamplighter.watch.loaders import Loaders
from lamplighter.watch.loose import LooseParameters
from lamplighter.watch.losses import Losses
from lamplighter.watch.lost_states import LostStates
from lamplighter.watch.metrics import Metrics
from lamplighter.watch.models import Models
from lamplighter.watch.modes import Modes
from lamplighter.watch.names_seen import NamesSeen
from lamplighter.watch.norms import FrozenNorms
from lamplighter.watch.own_forms import OwnForms
from lamplighter.watch.own_losses import OwnLosses
from lamplighter.watch.passes import Bounds
from lamplighter.watch.pretrained import Pretrained
from lamplighter.watch.probes import Probes
from lamplighter.watch.rates import Rates
from lamplighter.watch.real_steps import RealSteps
from lamplighter.watch.replicas import Replicas
from lamplighter.watch.returns import Returns
from lamplighter.watch.saving import Saving
from lamplighter.watch.scaling import Scaling
from lamplighter.watch.schedules import Schedules
from lamplighter.watch.score_arguments import ScoreArguments
from lamplighter.watch.seeding import Seeding
from lamplighter.watch.shared_groups import SharedGroups
from lamplighter.watch.shared_sets import SharedSets
from lamplighter.watch.shares import Shares, tap_collectives
from lamplighter.watch.silenced import Silenced
from lamplighter.watch.sources import Sources
from lamplighter.watch.spreads import Spreads
from lamplighter.watch.starved import Starved
from lamplighter.watch.steps import StepOrder
from lamplighter.watch.still_losses import StillLosses
from lamplighter.watch.strangers import Strangers
from lamplighter.watch.tallies import Tallies
from lamplighter.watch.tap_data import DATA_TAPS
from lamplighter.watch.tap_operations import tap_operations
from lamplighter.watch.tap_resizing import tap_resizing
from lamplighter.watch.tap_scalers import tap_scalers
from lamplighter.watch.tap_scores import tap_scores
from lamplighter.watch.tap_seeds import tap_seeds
from lamplighter.watch.tap_sets import tap_sets
from lamplighter.watch.tap_training import TRAINING_TAPS
from lamplighter.watch.tap_warnings import tap_warnings
from lamplighter.watch.taps import Taps
from lamplighter.watch.target_scales import TargetScales
from lamplighter.watch.targets import Targets
from lamplighter.watch.terms import Terms
from lamplighter.watch.unsaved import Unsaved
from lamplighter.watch.wasted import Wasted
from lamplighter.watch.weighing import Weighing
from lamplighter.watch.weights import Weights
from lamplighter.watch.world import World

if TYPE_CHECKING:
    import torch
    from torch import nn


def watchers(world: World, frozen: tuple[str, ...] = ()) -> list[Watcher]:
    """Everything that is looked at, in the order in which it hears."""
    kinds = (
        StepOrder,
        Accumulation,
        Modes,
        Losses,
        OwnLosses,
        Arithmetic,
        OwnForms,
        Spreads,
        Weighing,
        Cutting,
        ClassWeights,
        StillLosses,
        Models,
        Strangers,
        FrozenNorms,
        Folds,
        Freezing,
        Loaders,
        Comparisons,
        Feeds,
        Scaling,
        Fed,
        NamesSeen,
        SharedSets,
        TargetScales,
        EvaluatedInputs,
        HeldOut,
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
        ScoreArguments,
        EarlyReturns,
        Probes,
        Entrance,
        Pretrained,
        DroppedResults,
        Sources,
        Replicas,
        Wasted,
        Rates,
        SharedGroups,
        EvaluatedNorms,
        Terms,
        IdleOptimizers,
        HandSteps,
        Starved,
        Silenced,
        Shares,
        RealSteps,
        Seeding,
        Bootstraps,
        Returns,
        LooseParameters,
    )
    return [world, world.origins, *(kind(world) for kind in kinds), Weights(world, frozen)]


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
        self.is_trial = keep
        patience = attention.EVENTS_OF_A_TRIAL if keep else attention.EVENTS_OF_A_TRAINING
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
        tap_operations(
            self.taps,
            attention.OPERATIONS_OF_A_TRIAL
            if self.is_trial
            else attention.OPERATIONS_OF_A_TRAINING,
        )

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
