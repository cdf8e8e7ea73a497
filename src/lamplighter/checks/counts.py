"""Family L: losses of counts, and what they take their input for."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

# what gives amounts that are never below 0, as a rate is
_RATES = ("Softplus", "Exp", "Relu", "Clamp", "Square", "Pow", "Abs", "Sigmoid", "Threshold")


def rate_for_log_rate(input_: Tensor, target: Tensor, *, log_input: bool) -> Iterator[Finding]:
    """L112: `poisson_nll_loss` wants the logarithm of the rate and gets a rate.

    Args:
        input_: what entered, with its graph, which shows that it was made positive.
        target: counts.
        log_input: the argument of that name, True by default.
    """
    node = input_.grad_fn
    while node is not None and any(v in node.name() for v in ("View", "Squeeze", "Select")):
        node = next((inner for inner, _ in node.next_functions if inner is not None), None)
    made = node.name() if node is not None else ""
    values, counts = input_.detach(), target.detach()
    if not log_input or not made.startswith(_RATES) or bool((values < 0).any()):
        return
    if not bool((counts == 0).any()):
        return  # the least rate that can be said then is 1, which may do
    yield found(
        "L112",
        "poisson_nll_loss",
        f"it takes what enters for the logarithm of a rate, and all {values.numel()} values were "
        f"made positive ({float(values.min()):.3g} to {float(values.max()):.3g}): a rate below 1 "
        f"cannot be said, and {float((counts == 0).float().mean()):.0%} of the counts are 0",
        "remove the activation, or say log_input=False",
    )
