"""Family I: the state in which a network begins."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def units_all_alike(name: str, before: Tensor, after: Tensor) -> Iterator[Finding]:
    """I101: all rows of a weight are equal and stay equal while they move.

    Args:
        name: the parameter.
        before: `(out, in, ...)` before the probe steps.
        after: the same after them.
    """
    if after.dim() < 2 or after.shape[0] < 2 or after[0].numel() < 2:
        return
    began = before.detach().flatten(1)
    # two rows first: of a weight begun at random nothing more has to be read
    if not torch.equal(began[0], began[1]) or not bool((began == began[:1]).all()):
        return
    rows = after.detach().flatten(1).double()
    moved = float((rows - began.double()).abs().max())
    apart = float((rows - rows[:1]).abs().max())
    if moved == 0:
        return
    constant = bool((began == began[0, 0]).all())
    if constant and after.dim() == 2 and after.shape[1] > 2:
        # a matrix of the program's own may have its units in its columns
        apart = min(apart, float((rows - rows[:, :1]).abs().max()))
    if apart > 1e-3 * moved:
        if after.shape[0] >= 8 and bool((began[0] != 0).all()) and constant:
            yield found(
                "I101",
                name,
                f"all {began.numel()} weights begin at {float(began[0, 0]):.3g}: only the biases "
                "tell its units apart",
                "initialise weights at random, for example nn.init.kaiming_uniform_",
                level="warning",
            )
    else:
        yield found(
            "I101",
            name,
            f"all units of {tuple(after.shape)} have the same weights, and after several steps they still "
            "move in unison: the layer is worth a single unit",
            "initialise weights at random, for example nn.init.kaiming_uniform_, not with a constant",
        )


def saturated(name: str, kind: str, outputs: Tensor) -> Iterator[Finding]:
    """I102: most outputs of a hidden tanh or sigmoid sit at both its ends.

    Args:
        name: the layer or call.
        kind: "tanh" or "sigmoid".
        outputs: its outputs, any shape, at least 64 values.
    """
    if outputs.numel() < 64:
        return
    values = outputs.detach().float()
    if kind == "sigmoid":
        values = values * 2 - 1
    high, low = float((values > 0.97).float().mean()), float((values < -0.97).float().mean())
    if high + low > 0.7 and min(high, low) > 0.05:
        yield found(
            "I102",
            name,
            f"{high + low:.0%} of the outputs of this {kind} are at its ends, where its gradient "
            "is almost 0",
            "scale the inputs and initialise with nn.init.xavier_uniform_",
        )


def dead_rectifier(name: str, outputs: Tensor) -> Iterator[Finding]:
    """M108 while training: every output of a ReLU is 0, so nothing before it can learn.

    Args:
        name: the layer before or in which the ReLU is called.
        outputs: its outputs over a batch.
    """
    if outputs.numel() >= 64 and not bool(outputs.any()):
        yield found(
            "M108",
            name,
            f"all {outputs.numel()} outputs of this ReLU are 0, at several looks in a row: it is "
            "dead, and nothing before it learns",
            "lower the learning rate, or use nn.LeakyReLU and a better initialisation",
            level="warning",
        )


def first_loss_too_high(
    logits: Tensor, target: Tensor, *, ignore_index: int = -100, tied: bool = False
) -> Iterator[Finding]:
    """I103: the plain cross entropy before training is over four times that of guessing, and 3 more.

    With two classes four times is little: torchvision's own EfficientNets begin at 3 to 5.

    Args:
        logits: `(N, C, ...)` raw logits.
        target: `(N, ...)` class numbers.
        ignore_index: the target that does not count.
        tied: whether the output layer is an embedding as well, which is made for larger numbers;
            then it is over eight times.
    """
    if logits.dim() < 2 or logits.shape[1] < 2 or target.is_floating_point():
        return
    if target.numel() < 8 or target.dim() != logits.dim() - 1:
        return
    guessing = math.log(logits.shape[1])
    with torch.no_grad():
        loss = float(F.cross_entropy(logits.detach().float(), target, ignore_index=ignore_index))
    if math.isfinite(loss) and loss > max((8 if tied else 4) * guessing, guessing + 3):
        yield found(
            "I103",
            "cross_entropy",
            f"the first loss is {loss:.3g}; guessing among {logits.shape[1]} classes gives "
            f"{guessing:.3g}",
            "the embedding is the last layer as well: nn.init.normal_(embedding.weight, std=0.02)"
            if tied
            else "normalise the inputs, and look at the initialisation of the last layer",
        )
