"""Family M: normalisation layers whose numbers mean something else in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

SHORT = 0.9  # share of the newest batch from which nothing of the others is left
LARGE = 0.1  # eps; those of published networks are 1e-2 at most
JUMP = 0.05  # of a standard deviation, from batch to batch
FEW = 512  # samples of a batch whose statistics differ from those of the next one


def is_forgetful(layer: nn.Module) -> bool:
    """Whether a layer's running statistics are nearly those of the last batch alone.

    A momentum of 1 is left out: statistics of one large batch are taken over that way on purpose.
    """
    if not isinstance(layer, _BatchNorm) or not layer.track_running_stats:
        return False
    return layer.momentum is not None and SHORT <= layer.momentum < 1


def remembers_one_batch(name: str, momentum: float, jump: float | None = None) -> Iterator[Finding]:
    """M121: the running statistics of a BatchNorm follow the last batch.

    Args:
        name: the layer.
        momentum: of the layer.
        jump: how far its running mean moves from batch to batch, in standard deviations; None: not
            measured.
    """
    seen = "" if jump is None else f"; they jump by {jump:.2g} standard deviations with every batch"
    yield found(
        "M121",
        name,
        f"momentum={momentum:g} is the share of the newest batch in the running statistics, so "
        f"evaluation normalises by the last batch alone{seen}",
        f"write momentum={1 - momentum:.2g}: that of Keras and TensorFlow is one minus that of "
        "PyTorch",
    )


def eps_is_a_momentum(model: nn.Module) -> Iterator[Finding]:
    """M121: `eps` of a normalisation layer is as large as a momentum or a rate of dropout."""
    several = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, (_BatchNorm, _InstanceNorm, nn.LayerNorm, nn.GroupNorm))
        and layer.eps >= LARGE
    ]
    if not several:
        return
    name, layer = several[0]
    kind = type(layer).__name__
    batch = isinstance(layer, (_BatchNorm, _InstanceNorm))
    meant = "momentum=" if batch else "the rate of an nn.Dropout beside it"
    yield found(
        "M121",
        name + (f" and {len(several) - 1} more" if len(several) > 1 else ""),
        f"eps={layer.eps:g} of {kind} is added to the variance: what it gives is not "
        "normalised but damped, the more the smaller the variance is",
        f"leave eps at 1e-5: the number after the size is eps, and {meant} was perhaps meant",
    )


def dropout_keeps(name: str, rate: float, written: str) -> Iterator[Finding]:
    """M121: a dropout is given the share that it shall keep.

    Args:
        name: the layer.
        rate: its `p`.
        written: what the program passes for it.
    """
    yield found(
        "M121",
        name,
        f"it is given {written} for p and zeroes {rate:.0%} of its input in training: p is the "
        "share that is dropped, and that of the first TensorFlow was the share that is kept",
        f"write 1 - {written}",
    )
