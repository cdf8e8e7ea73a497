"""`--precision auto` on a CPU: bfloat16 where a short measurement says that it wins and agrees.

What is measured is a copy of the network on the training's first batches, so weights, buffers,
optimizer and random numbers stay as they are. The answer is remembered, unless other work disturbed
it; the run's recipe.toml holds it as well, and a resumed run takes it from there.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lamplighter.data.batches import Batch, chunks
from lamplighter.listener import Listener
from lamplighter.machine import is_out_of_memory, undisturbed
from lamplighter.models.cost import multiply_adds
from lamplighter.training.loop import training_loss
from lamplighter.training.parts import Parts
from lamplighter.training.precision import Bfloat16, Precision
from lamplighter.training.remembered import place_of, recall, remember

SECONDS = 3.0  # for everything that is measured
BATCHES = 3  # on which both must agree
ROUNDS, LEAST_ROUNDS = 40, 3
ENOUGH = 0.3  # of the time: rounds end there once both forms have repeated their best
REPEATED = 1.1  # times the best: the next best lies within it where nothing else disturbed it
# pictures by whose two times the cost of one is found: a single time also holds what a pass costs
# whatever its size, and would cut the batch to a sliver, in which that cost is all that is compared
FEW, MORE = 4, 16
LOSS_APART = 0.01  # of the fp32 loss: further apart, and fp32 stays
ALIKE = 0.98  # cosine between the two gradients: lower, and fp32 stays
GAIN = 1.15  # times as fast: below this a changed last digit is not worth it
# operations of a whole training (a minute of a few cores): below it there is nothing to win, and a
# short run keeps the same numbers on every machine
WORTH = 5e12
FORMAT = 2  # answers of the first form came from slivers of large batches


@dataclass(frozen=True)
class Choice:
    """fp32 or bf16, and why: bf16's gain in speed, the largest difference of the losses as a share
    of the fp32 loss, the smallest cosine between the gradients; `settled` where each form's best
    time was met twice, so that other work on the machine has not decided."""

    name: str
    gain: float
    apart: float
    alike: float
    settled: bool = True

    def __str__(self) -> str:
        told = (
            f"bf16 is {self.gain:.2f} × as fast as fp32 on the first batches, losses within "
            f"{max(self.apart, 1e-4):.2%}"
        )
        if self.name == "bf16":
            return (
                f"precision: bf16 ({told}; validation stays in fp32; --precision fp32 keeps all so)"
            )
        return f"precision: fp32 ({told}, gradients alike to {self.alike:.3f})"


def choose_precision(
    parts: Parts,
    *,
    model: str,
    keep: bool,
    listener: Listener,
    seconds: float = SECONDS,
    made_for_short: bool = False,
) -> str:
    """fp32 or bf16 for a training on the CPU.

    Args:
        parts: as they are before the first step; nothing in them changes.
        model: the network's name, for the memory's key.
        keep: whether the answer may be kept in, and taken from, the cache folder.
        listener: is told what was found.
        seconds: bound on the time that measuring takes.
        made_for_short: the recipe was published in half precision and takes only the direction of
            a gradient; the first gradients, of filters that only hand on, need not agree.
    """
    if parts.device.type != "cpu" or not has_bfloat16() or not is_worth_it(parts):
        return "fp32"
    least_alike = -1.0 if made_for_short else ALIKE
    path = place_of("precision", parts, model, FORMAT, least_alike)
    choice = _kept(path) if keep else None
    before = choice is not None
    if choice is None:
        try:
            choice = measure(parts, seconds, least_alike)
        except Exception as error:
            if is_out_of_memory(error):
                listener.say("precision: fp32 (no memory to measure bf16 beside it)")
                return "fp32"
            raise
        if keep and choice.settled:
            remember(path, asdict(choice))
    listener.say(f"{choice}" + (", as measured before" if before else ""))
    return choice.name


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 by itself; elsewhere it is emulated and slow."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))


def is_worth_it(parts: Parts) -> bool:
    """Whether the training is long enough, by its operations."""
    return operations(parts) >= WORTH


def operations(parts: Parts) -> float:
    """Of the whole training: forward, and twice that backward; 0 where inputs are no one tensor."""
    batch = next(iter(parts.train.epoch(1)), None)
    if batch is None or not isinstance(batch.inputs, Tensor):
        return 0.0
    one = multiply_adds(parts.module, batch.inputs.shape[1:])
    return 6.0 * one * (parts.train.examples or 0) * parts.epochs


def measure(parts: Parts, seconds: float = SECONDS, least_alike: float = ALIKE) -> Choice:
    """Forward and backward in both forms on a copy of the network, in turn.

    Args:
        least_alike: cosine between the two gradients below which fp32 stays.
    """
    begun = time.perf_counter()
    ends = begun + seconds
    with undisturbed():
        batches = list(itertools.islice(parts.train.epoch(1), BATCHES))
        module = copy.deepcopy(parts.module)
        module.train()
        plain, short = Precision(parts.device), Bfloat16(parts.device)
        batches = _bounded(parts, module, batches, ends)
        # this also sets up both forms for pieces of just this size, which the first pass pays for
        apart, alike = _agreement(parts, module, batches[0], plain, short)
        times: dict[str, list[float]] = {plain.name: [], short.name: []}
        for done in range(1, ROUNDS + 1):
            for precision in (plain, short):
                started = time.perf_counter()
                one_pass(parts, module, batches[0], precision)
                times[precision.name].append(time.perf_counter() - started)
            now = time.perf_counter()
            late = now > (begun + ENOUGH * seconds if _settled(times) else ends)
            if done >= LEAST_ROUNDS and late:
                break
        for batch in batches[1:]:
            if time.perf_counter() > ends:
                break
            more = _agreement(parts, module, batch, plain, short)
            apart, alike = max(apart, more[0]), min(alike, more[1])
    # the least of several: what else the machine does can only add
    gain = min(times[plain.name]) / min(times[short.name])
    sound = apart <= LOSS_APART and alike >= least_alike  # False also for what is not a number
    name = "bf16" if sound and gain >= GAIN else "fp32"
    return Choice(name, round(gain, 3), round(apart, 6), round(alike, 5), _settled(times))


def _settled(times: dict[str, list[float]]) -> bool:
    """Whether each form has met its best time twice."""
    return all(len(t) > 1 and sorted(t)[1] <= REPEATED * min(t) for t in times.values())


def _agreement(
    parts: Parts, module: nn.Module, batch: Batch, plain: Precision, short: Precision
) -> tuple[float, float]:
    """How far both losses are apart, as a share of the fp32 loss, and the gradients' cosine."""
    state = torch.get_rng_state()  # dropout drops the same in both
    first = one_pass(parts, module, batch, plain)
    gradient = _gradient(module)
    torch.set_rng_state(state)
    second = one_pass(parts, module, batch, short)
    return abs(second - first) / max(abs(first), 1e-6), _cosine(gradient, _gradient(module))


def _bounded(parts: Parts, module: nn.Module, batches: list[Batch], ends: float) -> list[Batch]:
    """The batches, cut to as many pictures as the least number of passes has time for."""
    passes = 2 + 2 * LEAST_ROUNDS

    def timed(size: int) -> float:
        piece = next(chunks(batches[:1], size))
        one_pass(parts, module, piece, Precision(parts.device))  # also pays for setting up
        started = time.perf_counter()
        one_pass(parts, module, piece, Precision(parts.device))
        return time.perf_counter() - started

    few = timed(FEW)
    each = few / FEW
    if passes * MORE * each < ends - time.perf_counter():
        more = timed(MORE)
        each = max((more - few) / (MORE - FEW), more / MORE / 2)
    most = max(FEW, int((ends - time.perf_counter()) / passes / max(each, 1e-9)))
    return [next(chunks([batch], most)) for batch in batches]


def one_pass(parts: Parts, module: nn.Module, batch: Batch, precision: Precision) -> float:
    """Forward and backward once; the loss, with fresh gradients left in the module."""
    module.zero_grad(set_to_none=True)
    with precision.forward():
        loss = training_loss(parts, batch.call(module), batch.targets)
    precision.backward(loss)
    return float(loss.detach())


def _gradient(module: nn.Module) -> Tensor:
    found = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
    return torch.cat(found) if found else torch.zeros(1)


def _cosine(one: Tensor, other: Tensor) -> float:
    lengths = float(one.norm()) * float(other.norm())
    return float(one @ other) / lengths if lengths else math.nan


def _kept(path: Path) -> Choice | None:
    try:
        choice = Choice(**recall(path))
        f"{choice}"  # figures that are none cannot be told
    except (ValueError, TypeError):
        return None
    return choice if choice.name in ("fp32", "bf16") else None
