"""Family O: what the optimizer holds, and how far it moves the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from torch import Tensor, nn
from torch.optim import Optimizer

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, some_of

TOO_FAR = 1.0
# root mean square of a weight that begins near zero on purpose, as those of an architecture search do
FEW = 16  # numbers of a weight whose size is more than chance
NEAR_ZERO = 0.005
TOO_NEAR = 1e-6
TOO_SMALL = 1e-4  # of the highest rate: beside rates that differ from layer to layer
HEAVY = 0.5  # a weight decay that no training with gradients of its own size wants


def owned(optimizers: Sequence[Optimizer]) -> set[int]:
    """The ids of all parameters that some optimizer holds."""
    return {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}


def parameters_without_optimizer(
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    *,
    used_last: str = "",
    random: AbstractSet[str] = frozenset(),
) -> Iterator[Finding]:
    """O101: trainable parameters that no optimizer holds.

    An untouched beginning of the network, with its end in the optimizer, is how people train a
    head alone: told as information. A hole, a missing end, or a beginning that still holds the
    random values that it was made with is an error.

    Args:
        model: the network.
        optimizers: all optimizers that step on it.
        used_last: name of the layer that gives the output, where it is known.
        random: names of weights that were trained by nobody, or were frozen and set free since,
            where that is known.
    """
    held = owned(optimizers)
    named = [(name, id(p) in held) for name, p in model.named_parameters() if p.requires_grad]
    missing = [name for name, is_held in named if not is_held]
    if not missing or len(missing) == len(named):
        return  # none at all is O102
    last = next((n for n, _ in reversed(named) if n.startswith(used_last + ".")), named[-1][0])
    end_is_held = last not in missing
    prefix = [is_held for _, is_held in named] == sorted(is_held for _, is_held in named)
    shown = some_of(missing)
    weights = {name for name, p in model.named_parameters() if p.dim() > 1}
    untouched = weights & set(missing)
    if prefix and end_is_held and not (untouched and untouched <= random):
        yield found(
            "O101",
            shown,
            f"{len(missing)} of {len(named)} trainable tensors are in no optimizer; only the end "
            "of the network learns, and gradients for the rest are computed for nothing",
            "if only the head shall learn, set requires_grad=False on the rest",
            level="info",
        )
        return
    yield found(
        "O101",
        shown,
        f"{len(missing)} of {len(named)} trainable tensors are in no optimizer and never change",
        "build the optimizer after the last change to the model (was a layer replaced after it?), "
        "or add them to a parameter group",
    )


def loose_parameter(name: str, shape: tuple[int, ...], steps: int) -> Iterator[Finding]:
    """O101: a parameter beside the networks, which a loss needs and no optimizer holds.

    Args:
        name: of the variable.
        shape: of the parameter.
        steps: through which it was needed and stayed as it was.
    """
    yield found(
        "O101",
        f"`{name}`",
        f"this parameter {shape or 'of one value'} is part of what backward() is called on, no "
        f"optimizer holds it, and in {steps} steps it has not changed",
        "give it to the optimizer as well: [*model.parameters(), *loss.parameters()], or the "
        "parameter itself",
    )


def foreign_parameters(
    model: nn.Module, optimizers: Sequence[Optimizer], *, others: Sequence[nn.Module] = ()
) -> Iterator[Finding]:
    """O102: the optimizer holds tensors that are in no model.

    Args:
        model: the network.
        optimizers: all optimizers that shall step on it.
        others: further modules that may own parameters, such as a loss with weights.
    """
    known = {id(p) for module in (model, *others) for p in module.parameters()}
    if not any(p.requires_grad for p in model.parameters()):
        return
    held = owned(optimizers)
    strangers = held - known
    if not strangers:
        return
    mine = {id(p) for p in model.parameters() if p.requires_grad}
    if not held & mine:
        yield found(
            "O102",
            "optimizer",
            f"none of the {len(held)} tensors in the optimizer belongs to this model: its weights "
            "will not change",
            "build the optimizer from this model's parameters(), after any copy or conversion",
        )
        return
    shapes = {
        tuple(p.shape)
        for o in optimizers
        for group in o.param_groups
        for p in group["params"]
        if id(p) in strangers
    }
    stale = bool(mine - held) and shapes & {tuple(p.shape) for p in model.parameters()}
    yield found(
        "O102",
        "optimizer",
        f"{len(strangers)} of {len(held)} tensors in the optimizer are not in this model",
        "build the optimizer after the last change to the model",
        level="error" if stale else "warning",
    )


def two_owners(optimizers: Sequence[Optimizer], names: Mapping[int, str]) -> Iterator[Finding]:
    """O105: a parameter is in two optimizers, or twice in one.

    Args:
        optimizers: all optimizers of the training.
        names: `id(parameter)` → its name.
    """
    seen: dict[int, int] = {}
    for o in optimizers:
        for group in o.param_groups:
            for parameter in group["params"]:
                seen[id(parameter)] = seen.get(id(parameter), 0) + 1
    twice = [names.get(key, "a tensor") for key, count in seen.items() if count > 1]
    if twice:
        yield found(
            "O105",
            some_of(twice),
            f"{len(twice)} tensors are in two parameter groups or two optimizers, so each step "
            "moves them twice",
            "let one optimizer own each parameter",
        )


def size_of(weight: Tensor) -> float:
    """The norm that an update is held against; 0 for a weight of nothing but zeros.

    A few numbers may all lie near zero by chance: they are taken for as large as torch draws them.
    """
    norm, count = float(weight.detach().float().norm()), weight.numel()
    if not norm:
        return 0.0
    usual = (count / (3 * weight[0].numel())) ** 0.5 if weight.dim() > 1 and count < FEW else 0.0
    return max(norm, NEAR_ZERO * count**0.5, usual)


def learning_rate_too_high(
    moves: Mapping[str, float],
    norms: Mapping[str, float],
    losses: Sequence[float] = (),
    *,
    course: Sequence[float] = (),
    which: str = "the first",
) -> Iterator[Finding]:
    """O103: the first update is larger than the weights, or the loss explodes within a few steps.

    Args:
        moves: parameter name → norm of its first update; weights of two and more dimensions.
        norms: parameter name → its size before, see `size_of`.
        losses: the losses of the probe steps on the same batch, in order.
        course: the losses of the steps on whatever batches; where they fall, a large first update
            was no mistake, as in a linear regression whose weights begin small.
        which: the update that was looked at, in words.
    """
    there = [name for name in moves if norms.get(name, 0.0) > 0]
    before = math.sqrt(sum(norms[name] ** 2 for name in there))
    after = math.sqrt(sum(moves[name] ** 2 for name in there))
    ratio = after / before if before else 0.0
    if len(course) >= 3 and 0 <= sum(course[-2:]) / 2 < 0.9 * course[0]:
        return
    if ratio > TOO_FAR:
        worst = max(there, key=lambda name: moves[name] / norms[name])
        yield found(
            "O103",
            worst,
            f"{which} update is {ratio:.3g} times as large as the weights themselves",
            "divide the learning rate by at least "
            f"{10 ** math.ceil(math.log10(max(ratio, 1.01) * 10)):,}",
        )
    elif _explodes(losses):
        yield found(
            "O103",
            "optimizer",
            f"the loss on one and the same batch went from {losses[0]:.4g} to {losses[-1]:.4g} in "
            f"{len(losses) - 1} steps",
            "divide the learning rate by 10 or more",
        )


def _explodes(losses: Sequence[float]) -> bool:
    if len(losses) < 3 or not 0 < losses[0] < math.inf:
        return False
    return not math.isfinite(losses[-1]) or losses[-1] > 20 * losses[0]


def learning_rate_too_low(
    largest_move: float, steps: int, rates: Sequence[float]
) -> Iterator[Finding]:
    """O104: no weight moved by a millionth of itself in several steps.

    Args:
        largest_move: the largest relative change of any weight over all probe steps.
        steps: how many steps were made.
        rates: the learning rates of the parameter groups during the probe.
    """
    if steps >= 3 and 0 <= largest_move < TOO_NEAR and rates:
        yield found(
            "O104",
            "optimizer",
            f"in {steps} steps with lr={max(rates):g} no weight moved by more than "
            f"{largest_move:.1g} of itself",
            "raise the learning rate; usual beginnings are 1e-3 (Adam) and 1e-1 to 1e-2 (SGD)",
        )


def group_hardly_moves(
    number: int, largest_move: float, steps: int, rate: float, highest: float
) -> Iterator[Finding]:
    """O104 of one parameter group: its weights stay while those of the others learn.

    Args:
        number: of the group, from 0.
        largest_move: the largest relative change of any of its weights over all steps.
        steps: how many steps were made.
        rate: its learning rate, above 0; who wants it frozen sets 0 or takes it out.
        highest: the highest rate of any group.
    """
    if steps >= 3 and largest_move < TOO_NEAR and 0 < rate < TOO_SMALL * highest:
        yield found(
            "O104",
            f"parameter group {number}",
            f"in {steps} steps with lr={rate:g} none of its weights moved by more than "
            f"{largest_move:.1g} of itself, while other groups learn with {highest:g}",
            "raise the rate of this group; one that shall stay gets requires_grad=False",
            level="warning",
        )


def weight_decay_swamps(
    optimizers: Sequence[Optimizer],
    gradients: Mapping[int, float],
    norms: Mapping[int, float],
    *,
    decoupled: bool,
) -> Iterator[Finding]:
    """O106: weight decay pulls harder than the loss, or eats the weights in 20 steps.

    One of usual size must pull ten times as hard, since a gradient may be small at first.

    Args:
        optimizers: all optimizers.
        gradients: `id(parameter)` → norm of its gradient at the first step.
        norms: `id(parameter)` → its norm.
        decoupled: whether decay acts on the weight and not on the gradient, as in AdamW.
    """
    for o in optimizers:
        for number, group in enumerate(o.param_groups):
            decay, rate = float(group.get("weight_decay", 0) or 0), float(group.get("lr", 0))
            if decay <= 0:
                continue
            if decay * rate >= 0.05:
                yield found(
                    "O106",
                    f"parameter group {number}",
                    f"weight_decay={decay:g} with lr={rate:g} takes {decay * rate:.0%} of every "
                    "weight at each step",
                    "usual values are 1e-4 to 1e-1",
                )
                continue
            if decoupled:
                continue
            held = [id(p) for p in group["params"] if id(p) in gradients and p.dim() > 1]
            pull = math.sqrt(sum((decay * norms[key]) ** 2 for key in held))
            push = math.sqrt(sum(gradients[key] ** 2 for key in held))
            if held and push > 0 and pull > (1 if decay >= HEAVY else 10) * push:
                yield found(
                    "O106",
                    f"parameter group {number}",
                    f"weight_decay={decay:g} pulls {pull / push:.3g} times as hard as the gradient",
                    "usual values are 1e-5 to 1e-3 for SGD and Adam",
                )


def penalty_swamps(ratio: float) -> Iterator[Finding]:
    """O106 of a penalty that the program adds to its loss by itself.

    Args:
        ratio: how many times as hard it pulls at the weights as all else in the loss.
    """
    yield found(
        "O106",
        "a penalty on the weights",
        f"it pulls {ratio:.3g} times as hard at them as the rest of the loss: they go to 0, whatever "
        "the data says",
        "divide its factor until the loss without it falls; 1e-5 to 1e-3 times the sum of the "
        "squares is usual",
    )


def updates_stop(name: str, steps: int, rate: float, gradient: float) -> Iterator[Finding]:
    """O107: a parameter with a gradient and a learning rate has not changed for many steps.

    Args:
        name: the parameter.
        steps: for how many steps it stayed bitwise the same.
        rate: its learning rate.
        gradient: the norm of its last gradient.
    """
    if steps >= 50 and rate > 0 and gradient > 0:
        yield found(
            "O107",
            name,
            f"not one bit changed in {steps} steps, though lr={rate:g} and the gradient's norm is "
            f"{gradient:.3g}",
            "look whether the optimizer holds this tensor or a copy; in bf16 or fp16 keep fp32 "
            "master weights",
        )


def groups_keep_settings(
    setting: str, asked: float, kept: float, *, where: str = "optimizer"
) -> Iterator[Finding]:
    """O112: an optimizer was built from groups into which another one had written its settings.

    Args:
        setting: such as "lr".
        asked: what this optimizer was built with.
        kept: what its groups hold, from the other one.
        where: its class.
    """
    yield found(
        "O112",
        where,
        f"it was built with {setting}={asked:g}, and its parameter groups hold {setting}={kept:g}: "
        "an earlier optimizer was built from the same dictionaries and has written that into them",
        "make the list of groups anew for each optimizer",
    )


def optimizer_made_anew(kind: str, times: int) -> Iterator[Finding]:
    """O113: an optimizer that remembers is built again before each step.

    Args:
        kind: its class.
        times: optimizers in a row that took one step.
    """
    yield found(
        "O113",
        kind,
        f"{times} of them were built in a row for the same weights, and each took one step: what "
        "they remember of earlier gradients is lost every time",
        "build it once, before the loop over batches",
    )
