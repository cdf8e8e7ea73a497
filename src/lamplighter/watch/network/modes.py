"""train() and eval() against what is done: R103, R104, M106."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.splits import fingerprints
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByAddress, Numbers
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_that_names
from lamplighter.watch.taps.names import KEEPING, RESHAPING
from lamplighter.watch.world import SeenModel, active_chance, is_chancy

if TYPE_CHECKING:
    from lamplighter.checks.finding import Level
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World


MOST = 64  # evaluations that wait for the end
SEVERAL = 3  # walks without a step between them, whose spread is wanted
SOME = 16  # samples of an evaluation by which training data are known
# from scores to classes, and what leaves scores scores
CHOOSING = ("argmax", "max", "topk", "gt", "ge", "round")
CARRYING = KEEPING | RESHAPING | {"softmax", "log_softmax", "sigmoid"}


@dataclass(eq=False, slots=True)
class Evaluation:
    """A model called in training mode during one walk over a loader.

    Args:
        layers: names of those that act otherwise than at evaluation.
        deliberate: whether the model itself is in evaluation mode.
        functional: whether it is a call of `F.dropout` and no layer.
        only_norms: whether all layers are BatchNorms, whose averages may be what is wanted.
    """

    model: SeenModel
    layers: list[str]
    place: Place | None
    deliberate: bool
    functional: bool = False
    only_norms: bool = False
    calls: int = 0


@dataclass(eq=False, slots=True)
class Stepping:
    """How a model stood at the steps that trained it."""

    first_training: bool
    in_eval: int = 0
    place: Place | None = field(default=None)


@dataclass(eq=False, slots=True)
class Scored:
    """Answers of a network in training mode that are held against labels, at one line.

    Args:
        evaluation: the newest.
        prints: of some of the samples that were scored first.
        steps: after how many steps it was scored last.
        newest: the samples that were scored last.
        repeated: whether the classes of the same samples were scored twice without a step in between.
    """

    evaluation: Evaluation
    prints: list[bytes]
    steps: int = -1
    newest: ByAddress = field(default_factory=ByAddress)
    repeated: bool = False


class Modes(Watcher):
    """Compares each model's mode with whether training follows."""

    codes = ("R103", "R104", "M106")
    operations = CARRYING | {"eq", "sub", "rsub", *CHOOSING}

    def __init__(self, world: World) -> None:
        self.world = world
        self.pending: list[tuple[Pass, Evaluation]] = []
        self.begun: list[tuple[Pass, Evaluation]] = []
        self.numbers = Numbers()
        self.trained_loaders: set[int] = set()
        self.trained_sets: set[int] = set()
        self.stepping: dict[int, Stepping] = {}
        self.called: dict[int, SeenModel] = {}
        self.dropped = False
        self.dropped_at: Place | None = None
        self.in_eval = False
        self.trained_inputs = ByAddress()
        # an answer that nothing trained on may have given, the samples, and what comes of it: the
        # answer itself, what was made from it, and the classes chosen from that
        self.loose: Evaluation | None = None
        self.rows: torch.Tensor | None = None
        self.answer, self.made, self.chosen = ByAddress(), ByAddress(), ByAddress()
        self.scored: dict[Place | None, Scored] = {}

    def woken(self) -> None:
        self.called.clear()

    def dropout_called(self, name: str, training: bool) -> None:
        self.dropped = True
        if self.in_eval and self.dropped_at is None:
            self.dropped_at = here()

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self.dropped, self.dropped_at = False, None
        self.in_eval = not module.training

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        model = self.world.seen(module)
        self.called[id(module)] = model
        current = self.world.current()
        if current is None:
            self._without_loader(model, module, args, output)
        if current is None or current.backwards or current.steps:
            return
        if not self.world.is_evaluated(module):
            return
        kept: dict[int, Evaluation] = current.notes.setdefault("evaluations", {})
        known = kept.get(id(module))
        if known is None:
            layers = active_chance(module)
            functional = self.dropped and not layers
            if not layers and not functional:
                return
            deliberate = not module.training
            known = Evaluation(model, layers, self.dropped_at or here(), deliberate, functional)
            known.only_norms = bool(layers) and not self.dropped and _are_norms(module, layers)
            kept[id(module)] = known
            plain = not deliberate and not torch.is_grad_enabled() and self.world.steps > 0
            if plain and len(self.begun) < MOST:
                current.notes["loader"] = self.numbers.of(current.loader())
                self.begun.append((current, known))
        known.calls += 1

    def _without_loader(
        self, model: SeenModel, module: torch.nn.Module, args: Any, output: Any
    ) -> None:
        """Whole tensors: what is evaluated is what went into no training step."""
        given = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if given is None or not isinstance(output, torch.Tensor):
            return
        if torch.is_grad_enabled():
            if len(self.trained_inputs) < 4096:
                self.trained_inputs.add(given)
        elif module.training:
            layers = active_chance(module)
            self.loose = None
            if layers or self.dropped:
                self.loose = Evaluation(
                    model, layers, here(), deliberate=False, functional=self.dropped
                )
                self.answer, self.made = ByAddress(output), ByAddress(output)
                self.chosen = ByAddress()
                self.rows = given

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.loose is None:
            return
        given = [a for a in args if isinstance(a, torch.Tensor)]
        if name == "eq" and any(t in self.chosen for t in given):
            self._score(repeats=True)
        elif name in ("sub", "rsub") and len(given) == 2 and not result.requires_grad:
            # an amount against the right one: an error that the program computes by its own hand;
            # with a graph it is a target of another answer, as where two passes shall agree
            fresh = self.rows is not None and self.rows not in self.trained_inputs
            if fresh and sum(t in self.made for t in given) == 1:
                self._score(repeats=True)
        elif name in CHOOSING and any(t in self.made for t in given):
            for tensor in shallow((result,)):
                self.chosen.add(tensor)
        elif name in CARRYING and any(t in self.made for t in given[:1]):
            for tensor in shallow((result,)):
                self.made.add(tensor)

    def _score(self, *, repeats: bool) -> None:
        """Classes that were chosen from an answer, or the answer itself, are held against labels.

        Args:
            repeats: whether a second look at the same samples tells that several were wanted.
        """
        found, rows, self.loose, self.rows = self.loose, self.rows, None, None
        if found is None or rows is None:
            return
        one = self.scored.get(found.place)
        if one is None:
            one = self.scored[found.place] = Scored(found, fingerprints(rows[:SOME]))
        # several passes over the same: their spread is wanted
        one.repeated |= repeats and one.steps == self.world.steps and rows in one.newest
        one.steps, one.newest = self.world.steps, ByAddress(rows)
        found.calls = one.evaluation.calls + 1
        one.evaluation = found

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.loose is None or torch.is_grad_enabled():
            return
        entered = given.get("input")
        is_answer = isinstance(entered, torch.Tensor) and entered in self.answer
        if is_answer and self.rows is not None and self.rows not in self.trained_inputs:
            self._score(repeats=False)
        self.loose = None

    def pass_ended(self, current: Pass) -> None:
        self.begun = [one for one in self.begun if one[0] is not current]
        loader = current.loader()
        if current.steps and loader is not None:
            self.trained_loaders.add(self.numbers.of(loader))
            self.trained_sets.add(self.numbers.of(loader.dataset))
        kept: dict[int, Evaluation] = current.notes.pop("evaluations", {})
        if not current.is_evaluation():
            return
        for evaluation in kept.values():
            # A loader that reads one batch ahead, as Accelerate's, ends before its last is used.
            ahead = int(current.given > 2)
            if evaluation.calls < current.given - ahead or len(self.pending) > MOST:
                continue
            current.notes["loader"] = self.numbers.of(loader)
            current.notes["set"] = self.numbers.of(current.dataset())
            current.notes["steps"] = self.world.steps
            self.pending.append((current, evaluation))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.called:
            return
        for key, model in list(self.called.items()):
            module = model.module
            if module is None or not self.world.moves(optimizer, module):
                continue
            del self.called[key]
            state = self.stepping.setdefault(key, Stepping(module.training))
            if state.first_training and not module.training:
                state.in_eval += 1
                if state.in_eval == 2:
                    self._report_train_missing(model, module)

    def _report_train_missing(self, model: SeenModel, module: torch.nn.Module) -> None:
        layers = [n for n, layer in module.named_modules() if is_chancy(layer)]
        if not layers:
            return
        place = model.mode_place
        since = f" since eval() at {place}" if place else ""
        self.world.report(
            "R104",
            "error",
            f"`{model.name}`",
            f"it trains in eval mode{since}: {_listed(layers)} no longer drop or learn",
            "call model.train() after each evaluation, at the start of every training epoch",
            line_that_names(here(), "train") or place or here(),
        )

    def ended(self) -> None:
        walks = Counter(_which(*one) for one in self.pending)
        for current, evaluation in self.pending:
            if current.notes["loader"] in self.trained_loaders:
                continue  # BatchNorm recalibration and training accuracy walk the training data
            if evaluation.only_norms and current.notes["set"] in self.trained_sets:
                continue  # the former by a loader of its own
            self._report_eval_missing(
                evaluation,
                current.given,
                f"{current.given} batches of a loader that is never trained on",
                repeated=walks[_which(current, evaluation)] >= SEVERAL,
            )
        stepped = [loader.ref() for loader in self.world.walked.values() if loader.steps]
        walked = {self.numbers.of(loader) for loader in stepped if loader is not None}
        for current, evaluation in self.begun:  # what a `break`, or one `next`, has left
            used = current.steps or current.backwards
            if not used and current.notes["loader"] not in walked | self.trained_loaders:
                what = f"{current.given} of the batches of a loader that is never trained on"
                self._report_eval_missing(evaluation, current.given, what, level="warning")
        trained = self._trained_prints() if self.scored else set()
        for one in self.scored.values():
            unseen = not one.repeated and not trained & set(one.prints)
            if unseen and one.evaluation.model.trained:
                self._report_eval_missing(
                    one.evaluation, one.evaluation.calls, "on inputs that no step used"
                )

    def _trained_prints(self) -> set[bytes]:
        """The samples that steps have used."""
        prints: set[bytes] = set()
        for loader in self.world.walked.values():
            if loader.steps:
                prints |= set(loader.samples.prints)
        if self.world.feeds is not None:
            for _, gathered in self.world.feeds.trained.values():
                prints |= set(gathered.prints)
        return prints

    def _report_eval_missing(
        self,
        evaluation: Evaluation,
        given: int,
        on_what: str,
        *,
        level: Level = "error",
        repeated: bool = False,
    ) -> None:
        model = evaluation.model
        if evaluation.deliberate and not evaluation.functional:
            return  # eval() and then some layers switched back: nobody does that by accident
        repeated |= evaluation.calls >= 2 * given
        level = "info" if repeated else level if model.trained else "warning"
        if evaluation.functional and evaluation.deliberate:
            code, what = "M106", "dropout drops although the model is in eval mode"
            fix = "pass training=self.training to F.dropout"
        else:
            code = "R103"
            layers = _listed(evaluation.layers) if evaluation.layers else "F.dropout"
            what = f"it is evaluated in training mode: {layers} still act as in training"
            fix = "call model.eval() before evaluating, and model.train() before training again"
        self.world.report(
            code,
            level,
            f"`{model.name}`",
            f"{what} ({on_what})",
            fix,
            line_that_names(evaluation.place, "eval") or evaluation.place,
        )


def _which(current: Pass, evaluation: Evaluation) -> tuple[int, int, int]:
    """Equal for walks over as much data by one model, with no step between them."""
    return id(evaluation.model), current.notes["steps"], current.given


def _are_norms(module: torch.nn.Module, names: list[str]) -> bool:
    kind = torch.nn.modules.batchnorm._BatchNorm
    return all(isinstance(module.get_submodule(name), kind) for name in names)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name or 'itself'}`" for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
