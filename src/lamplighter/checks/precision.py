"""Family P: values that are not finite, updates that round to nothing, devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

SMALLEST_HALF = 6e-8  # the smallest positive number of float16


def updates_rounded_away(
    name: str, before: Tensor, after: Tensor, gradient: Tensor, *, rate: float
) -> Iterator[Finding]:
    """P101: more than half of the weights that have a gradient are bitwise unchanged by the step.

    Args:
        name: the parameter.
        before: its values before the step, any shape.
        after: its values after the step.
        gradient: the gradient that the step used.
        rate: the learning rate at that step.
    """
    if rate <= 0 or before.dtype not in (torch.bfloat16, torch.float16):
        return
    pulled = gradient != 0
    count = int(pulled.sum())
    if count < 16:
        return
    unchanged = float((before[pulled] == after[pulled]).float().mean())
    if unchanged > 0.5:
        yield found(
            "P101",
            name,
            f"{unchanged:.0%} of its {count} weights with a gradient did not change by one bit: "
            f"updates at lr={rate:g} are below the resolution of {before.dtype}",
            "keep the parameters in float32 and use torch.autocast",
        )


def sum_rounded_away(name: str, after: Tensor, change: Tensor) -> Iterator[Finding]:
    """P101: what was added to more than half of a weight's values is lost in rounding.

    A value that does not change when the same is taken from it again did not change when it came.

    Args:
        name: the parameter.
        after: its values after the sum, any shape.
        change: what was added, in float32.
    """
    pulled = change != 0
    count = int(pulled.sum())
    if count < 16 or after.dtype not in (torch.bfloat16, torch.float16):
        return
    back = (after.float() - change).to(after.dtype)
    unchanged = float((back[pulled] == after[pulled]).float().mean())
    if unchanged > 0.5:
        yield found(
            "P101",
            name,
            f"{unchanged:.0%} of the {count} values that something was added to did not change by "
            f"one bit: it is below the resolution of {after.dtype}",
            "keep the parameters in float32 and use torch.autocast",
        )


def eps_vanishes(optimizers: Sequence[Optimizer]) -> Iterator[Finding]:
    """P102: Adam's eps is 0 in float16, so a zero gradient divides by zero.

    Args:
        optimizers: all optimizers of the training.
    """
    for o in optimizers:
        for group in o.param_groups:
            eps = group.get("eps")
            half = any(p.dtype == torch.float16 for p in group["params"])
            if half and eps is not None and 0 <= float(eps) < SMALLEST_HALF:
                yield found(
                    "P102",
                    type(o).__name__,
                    f"eps={float(eps):g} is 0 in float16, and the parameters are float16",
                    "keep the parameters in float32 and use torch.autocast with a GradScaler",
                )
                break


def all_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite.

    A sum with one of them in it is not finite either, and takes a twentieth of the time of asking
    each value; the values are asked only where the sum was too large.

    Args:
        values: floating point or complex, any shape.
    """
    values = values.detach()
    return bool(torch.isfinite(values.sum())) or bool(torch.isfinite(values).all())


def not_finite(what: str, value: Tensor, *, where: str) -> Iterator[Finding]:
    """P103: NaN or infinity in an output, a loss, a gradient or a parameter.

    Args:
        what: the word for it: "output", "loss", "gradient", "parameter".
        value: the tensor, any shape.
        where: the first module or parameter in which it was seen.
    """
    if not (value.is_floating_point() or value.is_complex()) or value.numel() == 0:
        return
    if all_finite(value):
        return
    bad = int((~torch.isfinite(value.detach())).sum())
    kind = "NaN" if bool(torch.isnan(value.detach()).any()) else "infinity"
    yield found(
        "P103",
        where,
        f"{kind} in its {what}: {bad} of {value.numel()} values",
        "look at this place: logarithm or division at 0, a root at 0, too high a learning rate, "
        "or float16 without a scaler",
    )


def devices_differ(model: nn.Module) -> Iterator[Finding]:
    """P105: a GPU is there and the model lies on the CPU, or its parts lie apart.

    Args:
        model: the network.
    """
    places = sorted({str(p.device) for p in model.parameters()})
    if "cpu" in places and len(places) > 1:
        yield found(
            "P105",
            "model",
            f"its parameters lie on {', '.join(places)}",
            "move the whole model with model.to(device) before building the optimizer",
        )
    elif places == ["cpu"] and torch.cuda.is_available():
        yield found(
            "P105",
            "model",
            f"the model lies on the CPU, and {torch.cuda.get_device_name()} is idle",
            'move the model and each batch with .to("cuda")',
        )
