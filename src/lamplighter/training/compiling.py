"""`--compile`: training steps through torch.compile, tried on a copy before the training begins.

Only the step is compiled: validation, the artifact and every answer stay with the plain network, so
that `predict` says what validation measured. Building takes from seconds to minutes, which no short
measurement can hold against what later steps win. So `auto` measures nothing by itself: it takes
what `lamp bench --try` has measured and remembered for this machine, network and batch, and turns
compiling on where that wins clearly more than building costs.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from torch import nn

from lamplighter.data.batches import chunks
from lamplighter.listener import Listener
from lamplighter.machine import is_out_of_memory, undisturbed
from lamplighter.recipe import Recipe
from lamplighter.training.measure_precision import one_pass, operations
from lamplighter.training.parts import Parts
from lamplighter.training.remembered import place_of, recall, remember

LOSS_APART = 0.01  # of the plain loss, on the first batch: further apart, and it stays plain
GAIN = 1.05  # times as fast: what is measured below it may be chance
WORTH = 2.0  # times what building costs: a training may end early, and building may take longer
# operations of a training of some ten minutes on a few cores: only there is it worth a line that
# nothing was measured
LONG = 1e14
FORMAT = 1


@dataclass(frozen=True)
class Compiling:
    """What torch.compile was found to bring to a step, and to cost.

    Args:
        plain, compiled: seconds of a step.
        building: seconds from the plain network to the end of the first compiled step.
        apart: of the losses on the first batch, as a share of the plain one.
    """

    plain: float
    compiled: float
    building: float
    apart: float

    @property
    def gain(self) -> float:
        """Times as fast."""
        return self.plain / self.compiled

    @property
    def agrees(self) -> bool:
        """Whether the losses do; False also for what is not a number."""
        return self.apart <= LOSS_APART

    @property
    def pays_from(self) -> float:
        """Steps from which compiling is worth its building; infinite where it never is."""
        if not self.agrees or self.gain < GAIN:
            return math.inf
        return WORTH * self.building / (self.plain - self.compiled)


@dataclass(frozen=True)
class Decision:
    """What `auto` became.

    Args:
        name: "on" or "off".
        why: in words.
        worth_a_line: whether the person should hear it.
    """

    name: str
    why: str
    worth_a_line: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.why})"


def choose_compile(parts: Parts, recipe: Recipe) -> Decision:
    """On or off for a training whose other choices are made.

    Args:
        parts: as they are before the first step; nothing in them changes.
        recipe: the resolved one.
    """
    found = recalled(parts, recipe)
    if found is None:
        return Decision(
            "off",
            f"nothing is remembered for this machine, network and batch: lamp bench {recipe.data} "
            f"--model {recipe.model} --try measures it",
            worth_a_line=operations(parts) >= LONG,
        )
    if recipe.grow_from != 1:
        return Decision("off", "the pictures grow, and each size would be built anew")
    steps, buildings = whole_steps(parts, recipe, found)
    told = (
        f"as lamp bench measured, a step takes {_seconds(found.compiled)} instead of "
        f"{_seconds(found.plain)} and building {found.building:.0f} s"
    )
    if not found.agrees:
        return Decision("off", f"as lamp bench measured, the loss differs by {found.apart:.1%}")
    if found.gain < GAIN:
        return Decision("off", told)
    won = f"{steps * (found.plain - found.compiled):.0f} s to win over {steps:,} steps"
    if steps >= buildings * found.pays_from:
        return Decision("on", f"{told}: {won}; --compile off keeps every step plain")
    return Decision("off", f"{told}: {won} is not worth it, {WORTH:g} × the building would be")


def whole_steps(parts: Parts, recipe: Recipe, found: Compiling) -> tuple[int, int]:
    """How many steps of a training would be compiled, and how often the network would be built.

    Args:
        parts: of which batches, epochs and limit of time count.
        recipe: the resolved one.
        found: how long a step takes.
    """
    batch = next(iter(parts.train.epoch(1)))
    first = recipe.freeze == "first"  # its first epoch is another network, with little to win
    epochs = parts.epochs - 1 if first else parts.epochs
    steps = epochs * ((parts.train.examples or 0) // batch.size)
    if parts.time_limit:
        steps = min(steps, int(parts.time_limit / found.plain))
    # other parameters that learn make another network, as in speed_net after its first epochs
    changes = first or hasattr(parts.module, "begin_epoch")
    return steps, 2 if changes else 1


def recalled(parts: Parts, recipe: Recipe) -> Compiling | None:
    """What was measured for this training before, if anything was."""
    try:
        found = Compiling(**{k: float(v) for k, v in recall(_place(parts, recipe)).items()})
    except (TypeError, ValueError):
        return None
    sound = min(found.plain, found.compiled, found.building) > 0  # False also for no number
    return found if sound else None


def remember_compiling(parts: Parts, recipe: Recipe, found: Compiling) -> None:
    """Keeps what was measured, for `auto`.

    torch keeps what it has built as well, so that building again is quick; the longest building
    counts, since nobody knows how long torch's own memory lasts.
    """
    before = recalled(parts, recipe)
    building = max(found.building, before.building if before else 0.0)
    remember(_place(parts, recipe), {**asdict(found), "building": building})


def _place(parts: Parts, recipe: Recipe) -> Path:
    gpu = torch.cuda.get_device_name(parts.device) if parts.device.type == "cuda" else ""
    return place_of(
        "compile", parts, recipe.model,
        FORMAT, str(parts.device), gpu, parts.precision.name, parts.micro, recipe.freeze,
        str(parts.module),
    )  # fmt: skip


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


@dataclass(frozen=True)
class Trial:
    """How building went, on a copy.

    Args:
        size: examples of the batch that was built for.
        plain, compiled: losses on it.
        seconds: that it took.
        fault: why there is no compiled network; empty where there is one.
    """

    size: int = 0
    plain: float = math.nan
    compiled: float = math.nan
    seconds: float = 0.0
    fault: str = ""

    @property
    def apart(self) -> float:
        """Of the losses, as a share of the plain one."""
        return abs(self.compiled - self.plain) / max(abs(self.plain), 1e-6)


def try_compiled(parts: Parts, size: int = 0) -> Trial:
    """Builds a copy of the network and compares its loss with the plain one's.

    Args:
        parts: as they are before a step; nothing in them changes.
        size: examples to build for; 0: as many as go through the network at once.
    """
    started = time.perf_counter()
    gpus = [parts.device] if parts.device.type == "cuda" else []
    with undisturbed(), torch.random.fork_rng(gpus):
        batch = next(chunks([next(iter(parts.train.epoch(1)))], size or parts.micro))
        double = copy.deepcopy(parts.module).train()
        losses: list[float] = []
        for module in (double, compiled(double)):
            torch.manual_seed(0)  # dropout drops the same in both
            try:
                losses.append(one_pass(parts, module, batch, parts.precision))
            except Exception as error:
                if module is double and not is_out_of_memory(error):
                    raise
                first = str(error).strip().splitlines() or [""]
                return Trial(batch.size, fault=f"{type(error).__name__}: {first[0]}")
    plain, other = losses
    return Trial(batch.size, plain, other, time.perf_counter() - started)


def compiled(module: nn.Module) -> nn.Module:
    """The module through torch.compile, which draws its random numbers as the plain one does."""
    # where torch is built for CUDA and there is no GPU it says so here, of all places
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    return cast(nn.Module, torch.compile(module, options={"fallback_random": True}))


def compile_steps(parts: Parts, listener: Listener, before: int | None = None) -> None:
    """Lets training steps go through torch.compile, where that can be and the loss agrees.

    Args:
        parts: get the compiled network, which shares the plain one's weights, and the size of the
            batches that it is built for; a smaller last one would have it built anew.
        listener: is told what was done, and why it was not.
        before: what an earlier sitting of this run found: the size of its batches, 0 where the
            network stayed plain. It decides, so that the numbers go on as they began.
    """
    parts.compiled_for = before or 0
    if before == 0 or (before and 0 < parts.micro < before):
        listener.say("torch.compile: this run's steps were plain, and stay so")
        return
    trial = try_compiled(parts, before or 0)
    if trial.fault:
        listener.warn(
            f"torch.compile cannot build this network here ({trial.fault}); the training goes on "
            "without it" + (", with other last digits than before" if before else "")
        )
        return
    if not before and not trial.apart <= LOSS_APART:  # True also for what is not a number
        listener.warn(
            f"compiled, the network's loss on the first batch is {trial.compiled:.4g} instead of "
            f"{trial.plain:.4g}; the training goes on without torch.compile"
        )
        return
    listener.say(
        f"torch.compile: built in {trial.seconds:.0f} s for batches of {trial.size}, the loss of the "
        f"first one agrees within {max(trial.apart, 1e-6):.1g}; validation stays plain"
    )
    parts.compiled, parts.compiled_for = compiled(parts.module), trial.size
