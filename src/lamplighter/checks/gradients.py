"""Families M and I, by the gradients of several probe steps; gradients that come to the wrong place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, some_of

History = Mapping[str, Sequence[float | None]]


def without_gradient(gradients: History) -> list[str]:
    """Names of the parameters whose gradient was None at every step."""
    return [n for n, norms in gradients.items() if norms and all(x is None for x in norms)]


def graph_cut(
    names: Sequence[str], *, influence: Mapping[str, bool], owners_called: Collection[str]
) -> Iterator[Finding]:
    """M107: parameters that change the loss, yet get no gradient.

    Args:
        names: parameters whose gradient was None in all steps.
        influence: parameter → whether changing it changed the loss.
        owners_called: names of the modules that were called.
    """
    cut = [n for n in names if influence.get(n)]
    if cut:
        yield found(
            "M107",
            some_of(cut),
            f"{len(cut)} trainable tensors change the loss but get no gradient: the graph is cut "
            "between them and the loss",
            "look for detach(), .data, torch.no_grad(), .item(), NumPy, argmax or torch.tensor(...) "
            "on the way",
        )
    silent = [n for n in names if n not in cut and n.rpartition(".")[0] in owners_called]
    if silent:
        yield found(
            "M107",
            some_of(silent),
            f"{len(silent)} trainable tensors belong to layers that are called, yet do not enter "
            "the loss and get no gradient",
            "use their result in the loss, or set requires_grad=False",
            level="warning",
        )


def gradients_at_twin(network: str, kind: str, steps: int) -> Iterator[Finding]:
    """O102: an optimizer steps without gradients, and a network of the same shapes has them.

    Args:
        network: the one that has the gradients and is in no optimizer.
        kind: class of the optimizer.
        steps: in a row.
    """
    yield found(
        "O102",
        network,
        f"{kind} took {steps} steps in a row without any gradient, while new ones arrived at this "
        "network, which has weights of the same shapes and is in no optimizer: it never changes",
        "build an optimizer from the parameters() of this copy, and step with that one",
    )


def weighed_by_itself(losses: Sequence[float], *, certain: bool) -> Iterator[Finding]:
    """R110: `backward()` was given the very numbers at which it begins.

    Args:
        losses: at the times when it was seen.
        certain: whether a loss function of torch gave them all.
    """
    shown = ", ".join(f"{loss:.3g}" for loss in losses[:3])
    yield found(
        "R110",
        "backward",
        f"it is given the loss as the gradient to begin with, so all gradients are multiplied by "
        f"it ({shown}): the square of the loss is minimised, and steps shrink as it does",
        "call loss.backward() without an argument; take the mean() first where it has no single "
        "number",
        level="error" if certain else "warning",
    )


def gradient_is_zero(
    gradients: History, *, dead: Sequence[str], losses: Sequence[float], weights: Collection[str]
) -> Iterator[Finding]:
    """M108: a weight's gradient is exactly zero at every probe step.

    Args:
        gradients: parameter → norm at each step.
        dead: ReLUs whose outputs were all zero at the last step.
        losses: the losses; where they are all 0, zero gradients say nothing.
        weights: names of the parameters with two and more dimensions.
    """
    if not losses or not any(losses):
        return
    still = [
        name
        for name, norms in gradients.items()
        if name in weights and len(norms) >= 3 and all(x == 0 for x in norms)
    ]
    if not still:
        return
    cause = f"; all outputs of the ReLU after {dead[0]!r} are 0" if dead else ""
    everything = len(still) == sum(any(x is not None for x in gradients[n]) for n in weights)
    yield found(
        "M108",
        some_of(still),
        f"the gradient of {len(still)} weights is exactly 0 at each of {len(losses)} steps{cause}",
        "look for dead ReLUs (large negative biases, unscaled inputs), a clamp, round or argmax on "
        "the way to the loss, or a product with a constant 0",
        level=None if dead or everything else "warning",
    )


def nothing_learns(
    losses: Sequence[float], steps: int, *, where: str = "loss"
) -> Iterator[Finding]:
    """M108: at the first steps every gradient of the optimizer's parameters is exactly 0.

    Args:
        losses: their values.
        steps: how many steps.
        where: what `backward()` was called on.
    """
    always = f"exactly {losses[0] + 0.0:.4g}" if len(set(losses)) == 1 else "not constant"
    # a margin may be kept from the beginning, and a reward may never have come
    empty = not any(losses)
    yield found(
        "M108",
        where,
        f"in the first {steps} steps the gradient of every weight is exactly 0, and the loss is "
        f"{always}: nothing can be learned from it",
        "print what enters the last max, relu or clamp: its constant side is always taken; an "
        "infinity or a mask of the wrong sign does that"
        + ("; where rewards weigh it, look whether any came" if empty else ""),
        level="warning" if empty else "error",
    )


def never_called(names: Sequence[str]) -> Iterator[Finding]:
    """M117: modules with parameters that no probe step called or reached.

    Args:
        names: the modules, outermost only.
    """
    if names:
        yield found(
            "M117",
            some_of(names),
            f"{len(names)} layers with weights were never called in forward",
            "call them, or take them out of the model",
        )
