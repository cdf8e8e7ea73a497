"""What a network gives for a picture, asked before the training: one number per class, in a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.copying import copied
from lamplighter.models.shape import home, materialised, send

LOGITS = "or an object whose `logits` are one, such as a named tuple"
AUXILIARY = "its auxiliary heads as aux_logits"


def check_answers(module: nn.Module, shape: Sequence[int], outputs: int, task: str) -> None:
    """Proves that a network gives `outputs` numbers per picture; its weights are not touched.

    A network of one's own may have been made for other classes (the published 1,000), may end in
    one number for two classes, or may give several things at once. The loss would raise at the
    first batch at best, and at worst the training would go to its end and have no report.

    Args:
        module: on any device; its modes are put back.
        shape: (C, H, W) of a picture, which the network is known to take.
        outputs: numbers per picture: classes, labels or values.
        task: "classification", "multilabel" or "regression", for the words.

    Raises:
        ModelError: says what it gives, and what to write instead.
    """
    name = type(module).__name__
    module = materialised(module, shape)
    given = main_output(send(module, shape))
    if not isinstance(given, Tensor):
        raise _no_tensor(given, name, "it gives")
    if given.numel() != outputs or (task != "regression" and given.shape != (1, outputs)):
        raise _other_numbers(given, outputs, task, name)
    training = main_output(_while_training(module, shape))
    if training is not None and not isinstance(training, Tensor):
        raise _no_tensor(training, name, "while it trains it gives")


def main_output(outputs: Any) -> Any:
    """The answer among several outputs: `logits` by name, else what the network gave.

    torchvision's inception and googlenet give named tuples when they train, Hugging Face's models
    give objects; their main answer is called `logits`.
    """
    return outputs.logits if hasattr(outputs, "logits") else outputs


def refuse_no_tensor(given: Any, name: str, cause: Exception) -> None:
    """Says in words that a loss of torch's was given a tuple or a dict, where it was.

    Args:
        given: what went into the loss.
        name: of the network's class.
        cause: what the loss raised.

    Raises:
        ModelError: `given` is no tensor.
    """
    if not isinstance(given, Tensor):
        raise _no_tensor(given, name, "while it trains it gives") from cause


def _while_training(module: nn.Module, shape: Sequence[int]) -> Any:
    """What a copy gives for two pictures in training mode; None where it cannot be tried so."""
    try:
        double = copied(module).train()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return double(torch.zeros((2, *shape), device=home(double)))
    except Exception:  # not every network is copied, or takes these two: the training will tell
        return None


def _no_tensor(given: Any, name: str, told: str) -> ModelError:
    kind = type(given).__name__
    if isinstance(given, dict):
        kind = f"dict with {', '.join(map(repr, given))}"
    elif isinstance(given, tuple | list):
        kind = f"{kind} of {len(given)}"
    if given is None:
        told, kind, fix = f"{told} nothing", "", "end its forward() with: return x"
    else:
        told = f"{told} a {kind}"
        fix = (
            f"return the logits alone, {LOGITS} ({AUXILIARY}, which is trained as well); or train it "
            "with a loss of your own: lamp.fit(net, …, loss=…)"
        )
    return ModelError(f"{told}; expected a tensor of logits", where=name, fix=fix)


def _other_numbers(given: Tensor, outputs: int, task: str, name: str) -> ModelError:
    what = {"classification": "classes", "multilabel": "labels"}.get(task, "values")
    if outputs == 1:
        what = {"classes": "class", "labels": "label", "values": "value"}[what]
    if given.numel() == outputs:  # the right numbers, in another shape
        gives = "×".join(map(str, given.shape))
        fix = f"return a tensor [batch, {outputs}]: x.flatten(1) at the end of its forward()"
        if given.ndim < 2:
            fix += ", in place of x.squeeze(), which takes off a batch of 1 as well"
        return ModelError(
            f"for a batch of one picture it gives {gives}; expected 1×{outputs}",
            where=name,
            fix=fix,
        )
    per_picture = given.numel() // len(given) if given.ndim > 1 else given.numel()
    fix = (
        f"end it in nn.Linear(…, {outputs}), or let it be told how many: def __init__(self, num_classes), "
        "or a function def make(num_classes)"
    )
    if per_picture == 1 and task == "classification":
        fix += "; cross entropy takes the place of sigmoid and BCE"
    return ModelError(
        f"it gives {per_picture:,} number{'s' if per_picture != 1 else ''} per picture, and the data "
        f"have {outputs:,} {what}",
        where=name,
        fix=fix,
    )
