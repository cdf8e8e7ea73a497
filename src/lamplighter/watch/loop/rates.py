"""Learning rates that end at 0, and what schedules are fed: O104, O107 to O109, O111."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from lamplighter.checks.snapshot import kept
from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.schedules import FALLING
from lamplighter.watch.score.measured import FIGURING, Figures
from lamplighter.watch.source.computing import only_computes
from lamplighter.watch.source.place import Place, here, statement_at, tree_of
from lamplighter.watch.source.statements import called_name, line_of_keyword

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

ENOUGH_STEPS = 20  # at a rate of 0, where nobody counts epochs
ENOUGH_PASSES = 2
TINY = 1e-6  # of the highest rate: with that nothing more is learned
LOW = 1.001e-3  # of it
AGAIN = 2  # times that a rate falls so far and begins again
PLAYED = (0, 1, 2, 3, 5, 10, 30, 100, 1_000, 10_000)
HIGHEST_FACTOR = 0.05

_WORD = r"(^|[^a-z])(%s)([^a-z]|$)"
_RISES = re.compile(
    _WORD
    % "acc|accs|accuracy|correct|f1|auc|auroc|iou|miou|dice|recall|precision|bleu|psnr|ssim|r2"
)
_FALLS = re.compile(
    _WORD % "loss|losses|err|error|errors|mse|mae|rmse|nll|perplexity|ppl|cer|wer|fid"
)


@dataclass(eq=False, slots=True)
class Rate:
    """How long an optimizer has stepped with a rate of 0.

    Args:
        place: where its schedule was built, or else itself.
        steps: how often it stepped while it was looked at.
        still: of these, those in a row at 0, with gradients, to the last one.
        passes: walks over a loader with steps.
        still_passes: of these, those in a row in which every step was at 0.
        moved: whether a step of the present walk was not at 0.
        highest: the highest rate of a step.
        tiny: steps in a row, to the last one, at less than a millionth of that.
        low: steps at less than a thousandth of it.
        begun_again: how often it came back to it from there.
        fallen: whether the newest step was one of the low ones, or none was high since.
    """

    place: Place | None
    steps: int = 0
    still: int = 0
    passes: int = 0
    still_passes: int = 0
    stepped: bool = False
    moved: bool = False
    highest: float = 0.0
    tiny: int = 0
    low: int = 0
    begun_again: int = 0
    fallen: bool = False


@dataclass(eq=False, slots=True)
class Fed:
    """What a schedule was given at its calls, as numbers."""

    place: Place | None
    values: list[float] = field(default_factory=list)


class Rates(Watcher):
    """Looks at the rates themselves, whoever sets them."""

    codes = ("O104", "O107", "O108", "O109", "O111")
    operations = FIGURING
    always = frozenset({"step_ended"})  # a schedule does its harm late

    def __init__(self, world: World) -> None:
        self.world = world
        self.rates: dict[int, Rate] = {}
        self.built: dict[int, tuple[Place | None, str]] = {}
        self.fed: dict[int, Fed] = {}
        self.stepped_at: dict[int, Place | None] = {}
        self.figures: Figures | None = None  # where a schedule waits for one

    def schedule_made(self, schedule: Any) -> None:
        place, name = here(), type(schedule).__name__
        optimizer = getattr(schedule, "optimizer", None)
        self.built.setdefault(id(optimizer), (place, name))
        if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
            self.figures = self.figures or Figures()
        if isinstance(schedule, FALLING) and getattr(schedule, "gamma", 1) == 0:
            self.world.report(
                "O107",
                "error",
                name,
                "gamma=0 sets the learning rate to 0 at its first change, and there it stays: "
                "no weight moves after that",
                "gamma is the factor of each change: 1.0 leaves the rate as it is, 0.1 is usual",
                line_of_keyword(place, ("gamma",)),
            )
        if type(schedule) is lr_scheduler.LambdaLR:
            self._look_at_factors(schedule, place)

    def _look_at_factors(self, schedule: Any, place: Place | None) -> None:
        """`lr_lambda` that gives rates where factors of the rate are meant."""
        for rate, function in zip(schedule.base_lrs, schedule.lr_lambdas, strict=False):
            if not only_computes(function):
                continue
            try:
                with kept(()):
                    factors = [float(function(epoch)) for epoch in PLAYED]
            except Exception:
                continue  # it counts on being asked in order
            begins = max(factors)  # after a warm-up, where there is one
            if begins == float(rate) and 0 < begins < HIGHEST_FACTOR and min(factors) >= 0:
                self.world.report(
                    "O104",
                    "warning",
                    "LambdaLR",
                    f"lr_lambda gives the learning rate itself ({begins:g}), and the schedule "
                    f"multiplies it with lr={float(rate):g}: the weights are moved with "
                    f"{begins * float(rate):g} at most",
                    "let lr_lambda give the factor, 1.0 for the full rate",
                    place,
                )
                return

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.figures is not None:
            self.figures.operated(name, args, result, self.world.steps)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.figures is not None:
            self.figures.lost(given, result)

    def scheduled(self, schedule: Any) -> None:
        key = id(getattr(schedule, "optimizer", None))
        if key not in self.stepped_at:
            self.stepped_at[key] = here()

    def measured(self, schedule: Any, value: Any) -> None:
        number = _number(value)
        if number is None:
            return
        fed = self.fed.setdefault(id(schedule), Fed(here()))
        fed.values.append(number)
        if not isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
            self._epoch_is_no_epoch(schedule, fed, value)
            return
        if len(fed.values) == 1:
            self._look_at_direction(schedule, fed)

    def _look_at_direction(self, schedule: Any, fed: Fed) -> None:
        words = " ".join(_words_at(fed.place))
        words = re.sub(r"([a-z])([A-Z])", r"\1 \2", words).lower()
        rises, falls = bool(_RISES.search(words)), bool(_FALLS.search(words))
        kind = self.figures.kind_of(fed.values[0]) if self.figures is not None else ""
        if kind:  # what is called an accuracy has to be one: `acc` may be a loss that accumulates
            unnamed = not rises and not falls
            rises = kind == "accuracy" and (rises or unnamed)
            falls = kind == "loss" and (falls or unnamed)
        if rises == falls or not fed.values[0] >= 0:
            return
        if rises and schedule.mode == "min" and fed.values[0] <= 100:
            wrong, better, mode = "falls", "higher", "max"
        elif falls and schedule.mode == "max":
            wrong, better, mode = "rises", "lower", "min"
        else:
            return
        self.world.report(
            "O111",
            "error",
            type(schedule).__name__,
            f"mode={schedule.mode!r} waits until the figure {wrong}, and it is given one that is "
            f"better the {better} it is: it lowers the rate while training goes well",
            f'build it with mode="{mode}"',
            self._where_built(schedule, fed),
        )

    def _where_built(self, schedule: Any, fed: Fed) -> Place | None:
        built = self.built.get(id(getattr(schedule, "optimizer", None)))
        return built[0] if built is not None and built[0] is not None else fed.place

    def _epoch_is_no_epoch(self, schedule: Any, fed: Fed, value: Any) -> None:
        """A loss that is handed to a schedule that counts epochs sets its count to that number."""
        values = fed.values
        if len(values) != 3 or all(v == int(v) for v in values) or self.world.found("O109"):
            return
        if isinstance(value, torch.Tensor) or not values[0] < values[1] < values[2]:
            self.world.report(
                "O109",
                "error",
                type(schedule).__name__,
                f"step() was given {values[-1]:.4g}, which it takes for the number of the epoch: "
                "the learning rate does not follow the epochs",
                "call step() without an argument; only ReduceLROnPlateau takes the loss",
                fed.place,
            )

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        rate = self.rates.get(id(optimizer))
        if rate is None:
            rate = self.rates[id(optimizer)] = Rate(self.world.owner_record(optimizer).place)
        groups = optimizer.param_groups
        highest, moves = 0.0, False
        for group in groups:  # plain, since this runs at every step
            lr = group.get("lr", 1.0)
            if isinstance(lr, torch.Tensor):
                rate.moved = True  # reading it would cost a wait
                return
            if lr != 0:
                moves = True
            if lr > highest:
                highest = float(lr)
        rate.steps += 1
        rate.stepped = True
        rate.highest = max(rate.highest, highest)
        rate.tiny = rate.tiny + 1 if 0 < highest < TINY * rate.highest else 0
        if 0 < highest <= LOW * rate.highest:
            rate.low, rate.fallen = rate.low + 1, True
        elif rate.fallen and highest >= 0.5 * rate.highest:
            rate.begun_again, rate.fallen = rate.begun_again + 1, False
        if moves:
            rate.moved, rate.still, rate.still_passes = True, 0, 0
        elif any(p.grad is not None for group in groups for p in group["params"][:4]):
            rate.still += 1

    def pass_ended(self, current: Pass) -> None:
        for rate in self.rates.values():
            if rate.stepped:
                rate.passes += 1
                rate.still_passes = 0 if rate.moved else rate.still_passes + 1
            rate.stepped = rate.moved = False

    def ended(self) -> None:
        if self.world.found("O107"):
            return
        for key, rate in self.rates.items():
            self._look_at_tiny(key, rate)
            self._look_at_falls(key, rate)
            many = rate.still_passes >= ENOUGH_PASSES
            many |= rate.passes == 0 and rate.still >= ENOUGH_STEPS
            if not many or not rate.still:
                continue
            share = rate.still_passes / rate.passes if rate.passes else rate.still / rate.steps
            built, name = self.built.get(key, (None, "optimizer"))
            long = f"the last {rate.still_passes} epochs" if rate.passes else f"{rate.still} steps"
            self.world.report(
                "O107",
                "error" if share >= 0.25 else "warning",
                name,
                f"the learning rate is 0 in {long}, to the end: gradients are computed and no "
                "weight moves",
                "look at the factor or the length of the schedule, or end the training there",
                built or rate.place,
            )

    def _look_at_tiny(self, key: int, rate: Rate) -> None:
        step = self.stepped_at.get(key) or line_that_sets_rates(rate.place)
        if step is None or rate.tiny < ENOUGH_STEPS or rate.tiny < 0.25 * rate.steps:
            return
        if not self.world.found("O108"):
            self.world.report(
                "O108",
                "error",
                self.built.get(key, (None, "schedule"))[1],
                f"the learning rate has fallen to less than a millionth of {rate.highest:g}, and "
                f"{rate.tiny} steps follow in which hardly a weight moves: a schedule that counts "
                "epochs is stepped after every batch",
                "call scheduler.step() once per epoch, outside the loop over batches",
                step,
            )

    def _look_at_falls(self, key: int, rate: Rate) -> None:
        """A decay by epochs that counts batches, and begins again with each epoch."""
        if rate.begun_again < AGAIN or rate.low < 0.25 * rate.steps or self.world.found("O108"):
            return
        self.world.report(
            "O108",
            "warning",
            self.built.get(key, (None, "optimizer"))[1],
            f"the learning rate falls to less than a thousandth of {rate.highest:g} and begins again, "
            f"{rate.begun_again} times, and {rate.low / rate.steps:.0%} of the steps are made with "
            "such a rate: what is to count epochs counts the batches of each",
            "compute the rate from the number of the epoch, once in an epoch",
            self.stepped_at.get(key) or line_that_sets_rates(rate.place) or rate.place,
        )


def line_that_sets_rates(near: Place | None) -> Place | None:
    """The only statement within a loop of a file that changes `group["lr"]`, or None."""
    tree = tree_of(near.file) if near is not None else None
    found = []
    for node in ast.walk(tree) if tree is not None else ():
        targets: list[ast.expr] = [node.target] if isinstance(node, ast.AugAssign) else []
        if isinstance(node, ast.Assign):
            targets = node.targets
        for target in targets:
            key = target.slice if isinstance(target, ast.Subscript) else None
            if isinstance(key, ast.Constant) and key.value == "lr":
                found.append(node.lineno)  # type: ignore[attr-defined]
    return Place(near.file, found[0]) if near is not None and len(found) == 1 else None


def _number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor):
        return float(value.detach()) if value.numel() == 1 and value.is_cpu else None
    return float(value) if isinstance(value, int | float) else None


def _words_at(place: Place | None) -> list[str]:
    """The names in the argument of the `step(…)` call on a line."""
    statement = statement_at(place) if place is not None else None
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call) and called_name(node) == "step":
            given = [*node.args, *(k.value for k in node.keywords)]
            if any(_turns(n) for part in given for n in ast.walk(part)):
                return []  # turned round by hand
            words = [word for part in given for word in _words_in(part)]
            tree = tree_of(place.file) if place is not None else None
            names = [part.id for part in given if isinstance(part, ast.Name)]
            return words + [w for name in names for w in _words_behind(tree, name)]
    return []


def _words_behind(tree: ast.Module | None, name: str) -> list[str]:
    """The names in what a variable is assigned, or in what the assigned function returns."""
    words: list[str] = []
    nodes = list(ast.walk(tree)) if tree is not None else []
    for node in nodes:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        if not isinstance(target, ast.Name) or target.id != name:
            continue
        words += _words_in(value)
        called = called_name(value) if isinstance(value, ast.Call) else ""
        for function in nodes:
            if isinstance(function, ast.FunctionDef) and function.name == called:
                returns = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
                words += [w for given in returns if given is not None for w in _words_in(given)]
    return words


def _turns(node: ast.AST) -> bool:
    """`-loss` or `1 - accuracy`, as opposed to the index in `losses[-1]`."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Sub)
    minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return minus and not isinstance(node.operand, ast.Constant)  # type: ignore[attr-defined]


def _words_in(node: ast.AST) -> list[str]:
    words = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            words.append(inner.id)
        elif isinstance(inner, ast.Attribute):
            words.append(inner.attr)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            words.append(inner.value)
    return words
