"""What can happen in a training, told to whoever listens.

    batch_given → module_entered → module_left → loss_called → backward_starts → backward_ended
    → clipped → step_starts → step_ended → cleared → scheduled → … → pass_ended

A watcher overrides the events that it needs. The stream calls only those, so an event that nobody
listens to costs one look at an empty list.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch._C import _functorch

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.source.place import Place

EVENTS = (
    "loader_made",
    "pass_starts",
    "batch_given",
    "pass_ended",
    "module_entered",
    "module_left",
    "mode_set",
    "dropout_called",
    "loss_called",
    "begun_with",
    "backward_starts",
    "backward_ended",
    "optimizer_made",
    "step_starts",
    "step_ended",
    "cleared",
    "clipped",
    "limited",
    "loss_scaled",
    "unscaled",
    "scaled",
    "schedule_made",
    "scheduled",
    "measured",
    "state_taken",
    "state_loaded",
    "file_loaded",
    "saved",
    "copied",
    "number_read",
    "text_written",
    "image_opened",
    "module_made",
    "tensor_filled",
    "mask_resized",
    "scaler_fitted",
    "scaled_rows",
    "seeded",
    "set_altered",
    "names_encoded",
    "fold_given",
    "score_called",
    "state_put_back",
    "operated",
    "gradients_off",
    "warning_hidden",
    "combined",
    "woken",
    "ended",
)
# seldom enough to be heard by all at all times
RARE = frozenset(EVENTS) - {
    "batch_given", "module_entered", "module_left", "dropout_called", "loss_called",
    "backward_starts", "backward_ended", "step_starts", "step_ended", "cleared", "clipped",
    "limited", "begun_with", "loss_scaled", "unscaled", "scaled",
}  # fmt: skip

FAULT = 200  # letters of what went wrong in a watcher

Hearers = dict[str, list[Callable[..., None]]]  # event → the methods that hear it


class Watcher:
    """Hears everything and does nothing; the small ones override what they look at.

    `codes`: what it can find. `always`: the frequent events that it hears also when a training is
    followed lightly, each of which costs time at every step of the whole training; asked anew each
    time that begins, so that one may wait for what it needs them for. `operations`: the operations
    it hears of, by their names in `taps.names`; None: all, which costs time at each of the hundreds
    in a step that is followed closely.
    """

    codes: tuple[str, ...] = ()
    always: frozenset[str] = frozenset()
    operations: frozenset[str] | None = None

    def loader_made(self, loader: DataLoader[Any]) -> None:
        """A `DataLoader` was built."""

    def pass_starts(self, current: Pass) -> None:
        """A loader begins to be walked over."""

    def batch_given(self, current: Pass, batch: Any) -> None:
        """The loader handed out a batch; `current.given` counts it already."""

    def pass_ended(self, current: Pass) -> None:
        """The loader has no more batches, or was shortened here; not called after a `break`."""

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        """A module with parameters is called by something that is no module."""

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        """The same module has answered."""

    def mode_set(self, module: torch.nn.Module, training: bool) -> None:
        """`train()` or `eval()` was called on this module (not on its children)."""

    def dropout_called(self, name: str, training: bool) -> None:
        """`F.dropout` or one of its kind ran."""

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        """A loss of `torch.nn.functional` ran; `given` holds its arguments by name."""

    def begun_with(self, roots: tuple[torch.Tensor, ...], gradients: Any) -> None:
        """`backward()` is about to begin at these tensors with gradients that the program gave."""

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        """`backward()` begins at these tensors."""

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        """Gradients have arrived."""

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer was built."""

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        """`optimizer.step()` begins."""

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        """The parameters have moved."""

    def cleared(self, owner: Any) -> None:
        """`zero_grad()` of an optimizer or module is over."""

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        """`clip_grad_norm_` or `clip_grad_value_` is over."""

    def limited(self, norm: Any, limit: Any) -> None:
        """`clip_grad_norm_` has found this norm and let no more through than this."""

    def loss_scaled(self, scaler: Any, result: Any) -> None:
        """`GradScaler.scale` has multiplied a loss."""

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        """`GradScaler.unscale_` is over."""

    def scaled(self, scaler: Any, optimizer: torch.optim.Optimizer) -> None:
        """`GradScaler.step` is over, with or without a step."""

    def schedule_made(self, schedule: Any) -> None:
        """A learning-rate schedule was built."""

    def scheduled(self, schedule: Any) -> None:
        """`scheduler.step()` is over."""

    def measured(self, schedule: Any, value: Any) -> None:
        """`scheduler.step(value)` was called with a figure, or with an epoch."""

    def state_taken(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        """`module.state_dict()` was called."""

    def state_loaded(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        """`module.load_state_dict(state)` is over."""

    def file_loaded(self, path: str, thing: Any) -> None:
        """`torch.load(path)` gave this thing."""

    def saved(self, thing: Any) -> None:
        """`torch.save(thing)` is about to run."""

    def copied(self, thing: Any) -> None:
        """`copy.deepcopy(thing)` is over."""

    def number_read(self, tensor: torch.Tensor, value: Any) -> None:
        """`tensor.item()` gave this value."""

    def text_written(self, text: str) -> None:
        """The program printed or logged this text."""

    def image_opened(self, path: str) -> None:
        """`PIL.Image.open` was given this path."""

    def module_made(self, module: torch.nn.Module) -> None:
        """`nn.Module.__init__` is over: a layer or network begins to exist."""

    def tensor_filled(self, tensor: Any) -> None:
        """A function of `torch.nn.init` has filled this tensor."""

    def mask_resized(self, before: torch.Tensor, after: torch.Tensor) -> None:
        """A tensor of whole numbers without a graph was resized with interpolation."""

    def scaler_fitted(self, scaler: Any, rows: Any) -> None:
        """A scaler of scikit-learn was fitted on these rows."""

    def scaled_rows(self, scaler: Any, rows: Any, result: Any) -> None:
        """It has transformed these rows."""

    def seeded(self, kind: str, value: Any) -> None:
        """A global generator, "torch", "numpy" or "random", has got this seed."""

    def state_put_back(self, kind: str) -> None:
        """Such a generator has got a state that was kept."""

    def set_altered(self, dataset: Any, name: str, old: Any, new: Any, own: bool) -> None:
        """An attribute of a data set got another transform or switch; `own`: by its own method."""

    def names_encoded(self, names: Any, numbers: Any) -> None:
        """An encoder of scikit-learn has given these names these numbers."""

    def fold_given(self, splitter: Any, number: int, train: Any, held_out: Any) -> None:
        """A splitter of scikit-learn gave the rows of a fold, counted from 0."""

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        """A score of scikit-learn ran; `given` holds its arguments by name."""

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """A function of torch gave a tensor or tuple, or left torch ("numpy", "tolist").

        Heard in the first steps of each phase.
        """

    def gradients_off(self) -> None:
        """`torch.no_grad()` of the program begins, while operations were not heard."""

    def warning_hidden(self, text: str, place: Place | None) -> None:
        """A filter for all warnings, made at this place, has hidden one of torch's."""

    def combined(self) -> None:
        """Numbers of several processes are about to come together."""

    def woken(self) -> None:
        """Events were missed since the last one heard; counts within a step are void."""

    def ended(self) -> None:
        """The observed program or block is over."""


class Stream:
    """Carries events to the watchers.

    A training that has shown its pattern is followed lightly: then only those watchers hear whose
    `always` is set, and the others hear `woken` before they listen again.

    Args:
        watchers: in the order in which they hear.
    """

    def __init__(self, watchers: list[Watcher]) -> None:
        self.on = True
        self.inside = 0
        # layers that were called within a network whose gradients are on → None, or the line that
        # has switched them off there
        self.graded = False
        self.noted: dict[int, Any] = {}
        self.thread = threading.get_ident()
        self.faults: list[str] = []
        self.full: Hearers = {event: [] for event in EVENTS}
        self.light: Hearers = {}
        self.now = self.full
        self.of_operation: Hearers = {}  # the same by the names of operations, filled as they come
        # where calls of modules are listened to, and where that ends; told when it changes
        self.hears_calls = False
        self.calls_heard: Callable[[bool], None] = _whatever
        self.splitting = False  # whether a splitter of scikit-learn is asking another one
        self.listening = False  # whether operations are heard at this moment
        # ends listening to operations, true where it took effect, and begins it again
        self.pause: Callable[[], bool] = bool
        self.go_on: Callable[[], None] = _nothing
        for watcher in watchers:
            self.add(watcher)

    def add(self, watcher: Watcher) -> None:
        """Lets one more watcher hear; events it does not override are left out."""
        for event in EVENTS:
            if getattr(type(watcher), event) is not getattr(Watcher, event):
                self.full[event].append(getattr(watcher, event))
        if self.now is self.light:
            self.rest()
        else:
            self._follow(self.full)

    def rest(self) -> None:
        """Follows lightly from here on."""
        self.light = {
            event: [h for h in hearers if event in getattr(h, "__self__", Watcher).always]
            if event not in RARE
            else hearers
            for event, hearers in self.full.items()
        }
        self._follow(self.light)

    def wake(self) -> None:
        """Everybody listens again."""
        if self.now is self.light:
            self._follow(self.full)
            for hear in self.full["woken"]:
                hear()

    def _follow(self, hearers: Hearers) -> None:
        self.now = hearers
        self.of_operation.clear()
        heard = bool(hearers["module_entered"] or hearers["module_left"])
        if heard != self.hears_calls:
            self.hears_calls = heard
            self.calls_heard(heard)

    def tell(self, event: str, *facts: Any) -> None:
        """Tells one event; what watchers do with torch is itself not observed.

        "operated" is told to those alone who hear of operations with this name.
        """
        if event != "operated":
            hearers = self.now[event]
        elif (hearers := self.of_operation.get(facts[0])) is None:  # type: ignore[assignment]
            hearers = self.of_operation[facts[0]] = self._hearers_of(facts[0])
        if not hearers or not self.on or threading.get_ident() != self.thread:
            return
        if torch._C._are_functorch_transforms_active() and _is_mapped():
            return
        self.on = False
        paused = self.listening and self.pause()
        hear = hearers[0]
        try:
            for hear in hearers:
                hear(*facts)
        except Exception as error:
            # A watcher's own fault may cost its findings, never the user's training.
            self._tell_after(hear, hearers, event, facts, error)
        finally:
            if paused:
                self.go_on()
            self.on = True

    def _hearers_of(self, name: str) -> list[Callable[..., None]]:
        found = []
        for hear in self.now["operated"]:
            named = getattr(hear, "__self__", Watcher).operations
            if named is None or name in named:
                found.append(hear)
        return found

    def _tell_after(
        self,
        broken: Callable[..., None],
        hearers: list[Callable[..., None]],
        event: str,
        facts: tuple[Any, ...],
        error: Exception,
    ) -> None:
        """Tells those who come after a watcher that failed, and lets that one hear no more."""
        after = hearers[hearers.index(broken) + 1 :]
        self._drop(broken, event, error)
        for hear in after:
            try:
                hear(*facts)
            except Exception as another:
                self._drop(hear, event, another)

    def _drop(self, hear: Callable[..., None], event: str, error: Exception) -> None:
        owner = type(getattr(hear, "__self__", hear)).__name__
        told = str(error).partition("\n")[0][:FAULT]  # torch lists every backend that it knows
        self.faults.append(f"{owner}.{event}: {type(error).__name__}: {told}")
        for hearers in (self.full, self.light):  # a rare event has one list in both
            if hear in hearers.get(event, ()):
                hearers[event].remove(hear)
        self.of_operation.clear()


def _is_mapped() -> bool:
    """Whether a function runs within `vmap`: no tensor has numbers of its own there."""
    running = _functorch.get_interpreter_stack() or ()
    return any(one.key() == _functorch.TransformType.Vmap for one in running)


def _whatever(heard: bool) -> None:
    """Nobody listens to calls."""


def _nothing() -> None:
    """Nobody listens to operations."""
