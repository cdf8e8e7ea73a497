"""Family L: what enters the loss, and what comes out of it.

Each criterion looks at single tensors, as they were seen at the call of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.scores import (
    SURE,
    class_dim,
    in_unit_interval,
    is_flat,
    made_by,
    sums_to_one,
)

ENOUGH_VALUES = 64


def softmax_before_cross_entropy(
    logits: Tensor, *, where: str = "cross_entropy"
) -> Iterator[Finding]:
    """L101: the rows that enter `F.cross_entropy` lie in [0, 1] and sum to 1.

    Args:
        logits: `(N, C, ...)` or `(C,)`, what entered as `input`.
        where: the call it is about.
    """
    dim = class_dim(logits)
    if logits.shape[dim] < 2 or not in_unit_interval(logits) or logits.numel() < 4:
        return
    if sums_to_one(logits, dim):
        yield found(
            "L101",
            where,
            f"probabilities enter {where}: all {logits.numel()} values lie in [0, 1] and "
            f"each row sums to 1, but {where} applies softmax itself, so gradients are small "
            "and the loss cannot approach 0",
            f"give {where} the raw logits: remove the softmax from the model's end",
        )


def sigmoid_before_cross_entropy(
    logits: Tensor, *, where: str = "cross_entropy"
) -> Iterator[Finding]:
    """L102: all values that enter `F.cross_entropy` lie in [0, 1], and are no softmax.

    Args:
        logits: `(N, C, ...)`; at least 64 values are needed for a verdict where the graph does not
            show the sigmoid.
        where: the call it is about.
    """
    maker, logits = made_by(logits), logits.detach()
    dim = class_dim(logits)
    few = maker != "sigmoid" and logits.numel() < ENOUGH_VALUES
    if maker == "layer" or few or logits.shape[dim] < 2 or not in_unit_interval(logits):
        return
    if sums_to_one(logits, dim) or sums_to_one(logits, 0) or is_flat(logits):
        return
    # small positive logits of a ReLU lie in [0, 1] too, but touch 0 or stay near it
    chance = bool((logits == 0).any()) or not 0.2 < float(logits.float().mean()) < 0.8
    if maker != "sigmoid" and chance:
        return
    yield found(
        "L102",
        where,
        f"all {logits.numel()} values that enter {where} lie in [0, 1] "
        f"({logits.min():.3f} to {logits.max():.3f}): a sigmoid or another squashing stands before "
        "it, so no class can win by more than a factor of e",
        f"remove the sigmoid before {where}, or use BCEWithLogitsLoss for several labels",
    )


def relu_on_logits(logits: Tensor, *, where: str = "cross_entropy") -> Iterator[Finding]:
    """L103: logits are never negative and 5–98 % of them are exactly 0.

    Args:
        logits: `(N, C, ...)`; at least 64 values are needed for a verdict.
        where: the call it is about.
    """
    if logits.numel() < ENOUGH_VALUES or bool((logits < 0).any()):
        return
    zeros = float((logits == 0).float().mean())
    if 0.05 <= zeros <= 0.98:
        yield found(
            "L103",
            where,
            f"the logits of {where} are never below 0 and {zeros:.0%} are exactly 0: a ReLU stands "
            "on the last layer, and a class at 0 gets no gradient",
            "remove the activation after the last layer",
        )


def nll_on_logits(log_probabilities: Tensor, *, where: str = "nll_loss") -> Iterator[Finding]:
    """L104: the rows that enter `F.nll_loss` are no log-probabilities.

    Args:
        log_probabilities: `(N, C, ...)`, what entered as `input`.
        where: the call it is about.
    """
    dim = class_dim(log_probabilities)
    values = log_probabilities.detach().float()
    total = values.logsumexp(dim)
    if not bool(torch.isfinite(total).all()) or float(total.abs().max()) <= 1e-2:
        return
    if sums_to_one(values.exp(), 0) and values.dim() > 1 and values.shape[0] > 1:
        return  # told as L105: the log-softmax is there, over the batch
    what = "probabilities (softmax without log)" if sums_to_one(values, dim) else "raw logits"
    yield found(
        "L104",
        where,
        f"nll_loss wants log-probabilities, but {what} enter: the rows' exponentials sum to "
        f"{float(total.exp().mean()):.3g} instead of 1",
        "use cross_entropy on the raw logits, or log_softmax(dim=1) before nll_loss",
    )


def softmax_over_wrong_dimension(
    scores: Tensor, *, logarithms: bool = False, where: str = "cross_entropy"
) -> Iterator[Finding]:
    """L105: values sum to 1 over the batch and not over the classes.

    Args:
        scores: `(N, C, ...)` with N > 1, what entered the loss.
        logarithms: whether they are logarithms, as for `nll_loss`.
        where: the call it is about.
    """
    values = scores.detach().float()
    if values.dim() < 2 or values.shape[0] < 2 or values.shape[1] < 2:
        return
    if logarithms:
        values = values.exp()
    if not in_unit_interval(values):
        return
    if sums_to_one(values, 0) and not sums_to_one(values, 1):
        yield found(
            "L105",
            where,
            f"probabilities sum to 1 over the batch (dimension 0, {values.shape[0]} samples) and "
            f"not over the {values.shape[1]} classes: the softmax has the wrong `dim`",
            "use dim=1 (dim=-1 for `(N, C)`); with cross_entropy use no softmax at all",
        )


def sigmoid_twice(
    logits: Tensor, *, where: str = "binary_cross_entropy_with_logits"
) -> Iterator[Finding]:
    """L106: all values that enter BCE-with-logits, or another sigmoid, lie in [0, 1].

    Args:
        logits: any shape; at least 64 values are needed for a verdict where the graph does not
            show the sigmoid.
        where: the call it is about.
    """
    maker, logits = made_by(logits), logits.detach()
    few = maker != "sigmoid" and logits.numel() < ENOUGH_VALUES
    if maker == "layer" or few or not in_unit_interval(logits) or is_flat(logits):
        return
    yield found(
        "L106",
        where,
        f"all {logits.numel()} values that enter {where} lie in [0, 1] "
        f"({logits.min():.3f} to {logits.max():.3f}): a sigmoid was applied already, so the answer "
        "can never go below one half",
        "remove the sigmoid from the model, or use BCELoss",
    )


def shapes_broadcast(
    prediction: Tensor, target: Tensor, *, where: str = "mse_loss"
) -> Iterator[Finding]:
    """L107: prediction and target of an elementwise loss are blown up against each other.

    Only a result larger than both is told: one value against many is a choice.

    Args:
        prediction: any shape.
        target: any shape.
        where: the call it is about.
    """
    if prediction.shape == target.shape:
        return
    try:
        together = torch.broadcast_shapes(prediction.shape, target.shape)
    except RuntimeError:
        return
    count = together.numel()
    if count > prediction.numel() and count > target.numel():
        yield found(
            "L107",
            where,
            f"prediction {tuple(prediction.shape)} against target {tuple(target.shape)} broadcast "
            f"to {tuple(together)}: every prediction is compared with every target, so the best "
            "the model can do is answer the mean",
            "make the shapes equal, for example prediction.squeeze(-1) or target.unsqueeze(-1)",
        )


def loss_cut_from_model(loss: Tensor, *, trainable: int, where: str = "loss") -> Iterator[Finding]:
    """L108: no path leads from the loss to a parameter.

    Args:
        loss: the value that `backward` would be called on.
        trainable: how many parameters want a gradient.
        where: the call it is about.
    """
    if trainable > 0 and loss.grad_fn is None and not isinstance(loss, torch.nn.Parameter):
        yield found(
            "L108",
            where,
            f"the loss has no graph: {trainable} parameters want a gradient and none is reached",
            "keep the loss a tensor: no .item(), .detach(), torch.tensor(...), NumPy or argmax on "
            "the way from the model to the loss, and no torch.no_grad() around them",
        )


def loss_grows_with_batch(
    once: float, twice: float, *, reduction: str, where: str = "loss"
) -> Iterator[Finding]:
    """L109: the loss of a batch laid twice is twice the loss.

    Args:
        once: loss of the batch.
        twice: loss of the batch joined with itself.
        reduction: the `reduction` seen at the loss function.
        where: the call it is about.
    """
    if abs(once) < 1e-8 or reduction != "sum":
        return
    if 1.98 <= twice / once <= 2.02:
        yield found(
            "L109",
            where,
            f"the loss doubles with the batch ({once:.4g} → {twice:.4g}): the learning rate then "
            "depends on the batch size, and the last, smaller batch counts less",
            'use reduction="mean", or divide by the batch size',
        )


def kl_without_log(
    input_: Tensor, target: Tensor, *, log_target: bool = False, where: str = "kl_div"
) -> Iterator[Finding]:
    """L110: `F.kl_div` gets probabilities where it wants their logarithm.

    Args:
        input_: what entered as `input`.
        target: what entered as `target`.
        log_target: the argument of that name.
        where: the call it is about.
    """
    input_, target = input_.detach(), target.detach()
    if float(input_.max()) > SURE:
        yield found(
            "L110",
            where,
            f"kl_div wants log-probabilities as input (at most 0), but the largest is "
            f"{float(input_.max()):.3g}",
            "give kl_div log_softmax(x, dim=-1) as its first argument",
        )
    elif not log_target and float(target.min()) < -SURE:
        yield found(
            "L110",
            where,
            f"kl_div got a negative target ({float(target.min()):.3g}): logarithms without "
            "log_target=True",
            "give probabilities as the target, or log_target=True",
        )


def impossible_sign(value: float, target: Tensor, *, name: str) -> Iterator[Finding]:
    """L111: cross entropy, BCE or NLL below 0, though the targets are proper.

    Args:
        value: the loss.
        target: class indices, or probabilities in [0, 1].
        name: name of the loss function.
    """
    if name not in ("cross_entropy", "nll_loss", "binary_cross_entropy_with_logits"):
        return
    proper = not target.is_floating_point() or in_unit_interval(target)
    if proper and value < -SURE:
        yield found(
            "L111",
            name,
            f"{name} is {value:.4g}, but it cannot be below 0 with such targets",
            "look at what enters: log-probabilities above 0, negative class weights",
        )


def loss_and_target_unfit(
    name: str, input_: Tensor, target: Tensor, *, where: str = ""
) -> Iterator[Finding]:
    """L112: the loss function and its target do not belong together.

    Args:
        name: name of the loss function.
        input_: the prediction.
        target: the target.
        where: the call it is about.
    """
    where, target = where or name, target.detach()
    indices = not target.is_floating_point()
    if name in ("cross_entropy", "nll_loss") and input_.dim() >= 2 and input_.shape[1] == 1:
        yield found(
            "L112",
            where,
            f"{name} over a single output {tuple(input_.shape)} is always 0: there is nothing to "
            "choose from",
            "use BCEWithLogitsLoss with one output, or two outputs with CrossEntropyLoss",
        )
    elif name.startswith("binary_cross_entropy") and not in_unit_interval(target.float()):
        yield found(
            "L112",
            where,
            f"binary cross entropy wants targets in [0, 1], but they reach from "
            f"{float(target.min()):.4g} to {float(target.max()):.4g}, where it has no minimum",
            "for class indices use CrossEntropyLoss; for −1/+1 labels map them to 0 and 1; divide "
            "masks of 0 and 255 by 255",
        )
    elif name == "cross_entropy" and not indices and target.shape == input_.shape:
        yield from _soft_target_faults(target, where)
    elif name in ("mse_loss", "l1_loss", "subtraction") and indices and input_.dim() == 2:
        classes = input_.shape[1]
        if (
            classes > 2
            and target.dim() == 1
            and 0 <= int(target.min()) <= int(target.max()) < classes
        ):
            yield found(
                "L112",
                where,
                f"{name} compares {classes} outputs with class indices 0–{int(target.max())}: the "
                "number of a class is no amount",
                "use CrossEntropyLoss",
            )


def amounts_of_class_numbers(labels: Tensor, *, where: str = "mse_loss") -> Iterator[Finding]:
    """L112: whole numbers that look like class numbers are compared as amounts.

    Args:
        labels: `(N,)` integers of several batches, as the data set gives them.
        where: the loss.
    """
    values = torch.unique(labels)
    count = int(values.numel())
    is_numbered = bool((values == torch.arange(count).to(values)).all())
    if not 3 <= count <= 1000 or not is_numbered or labels.numel() < 10 * count:
        return
    yield found(
        "L112",
        where,
        f"{where} compares answers with the whole numbers 0–{count - 1} of the data set, as if "
        f"class {count - 1} were {count - 1} times as much as class 1",
        f"give the network {count} outputs and use CrossEntropyLoss; for amounts or ranks, allow "
        "L112",
        level="warning",
    )


def _soft_target_faults(target: Tensor, where: str) -> Iterator[Finding]:
    dim = class_dim(target)
    sums = target.detach().float().sum(dim)
    hard = bool(((target == 0) | (target == 1)).all())
    if hard and float(sums.max()) > 1.5:
        share = float((sums > 1.5).float().mean())
        yield found(
            "L112",
            where,
            f"cross_entropy gets several labels at once ({share:.0%} of the rows have two or "
            "more): its classes compete, so they cannot all be right",
            "use BCEWithLogitsLoss for several labels per sample",
            level="warning",
        )
