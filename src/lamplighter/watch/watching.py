"""`lamp.watch`: the user's own loop, observed."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lamplighter.checks.catalogue import allowed_codes
from lamplighter.checks.finding import Finding, worst_first
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.listener import SILENT, Listener
from lamplighter.watch import attention
from lamplighter.watch.data.passes import Bounds
from lamplighter.watch.events import Stream, Watcher
from lamplighter.watch.kinds import KINDS
from lamplighter.watch.network.weights import Weights
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

        Raises:
            UnknownName: there is no such code.
        """
        self.world.allowed |= allowed_codes({code: reason})
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
    allow: Mapping[str, str] | Iterable[str] | str | None = None,
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
        allow: codes that are wanted, or code → reason.
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
    made.world.allowed |= allowed_codes(allow)
    return made


def _as_list(things: Any) -> list[Any]:
    return list(things) if isinstance(things, list | tuple) else [things]
