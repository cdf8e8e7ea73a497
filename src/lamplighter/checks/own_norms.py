"""Family M: running statistics that a network's own layers keep: M113."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.snapshot import seed_all


def still_fresh(model: nn.Module) -> Iterator[tuple[str, str, str]]:
    """Pairs of buffers of one shape that are nothing but 0 and nothing but 1.

    Args:
        model: the network.

    Yields:
        Names of a layer that is none of torch's, and of these two buffers.
    """
    for owner, layer in model.named_modules():
        if type(layer).__module__.startswith("torch."):
            continue
        named = [(n, b) for n, b in layer.named_buffers(recurse=False) if _is_of_amounts(b)]
        means = [(n, b.shape) for n, b in named if not bool(b.any())]
        for name, one in named:
            if bool((one == 1).all()):
                mean = next((n for n, shape in means if shape == one.shape), None)
                if mean is not None:
                    yield owner, mean, name
                    break


def count_at_evaluation_alone(
    model: nn.Module, owner: str, names: tuple[str, str], answer: Callable[[], Tensor | None]
) -> bool:
    """Whether two buffers move the answers in evaluation mode, and none in training mode.

    Args:
        model: a copy of the network, which may be altered.
        owner: the layer.
        names: of its buffers of nothing but 0 and 1.
        answer: asks the copy.
    """
    layer = model.get_submodule(owner)
    for training in (True, False):
        model.train(training)
        answers = []
        for mean, variance in ((0.0, 1.0), (0.5, 4.0)):
            layer.get_buffer(names[0]).fill_(mean)
            layer.get_buffer(names[1]).fill_(variance)
            seed_all(0)
            answers.append(answer())
        one, other = answers
        if one is None or other is None or one.shape != other.shape:
            return False
        if torch.equal(one, other) != training:
            return False
    return True


def own_statistics_never_learned(owner: str, mean: str, variance: str) -> Iterator[Finding]:
    """M113: running statistics of a layer of the program's own are still 0 and 1 after training.

    Args:
        owner: the layer.
        mean: name of its buffer of 0.
        variance: name of its buffer of 1.
    """
    yield found(
        "M113",
        owner or "the network",
        f"its buffers `{mean}` and `{variance}` are still 0 and 1 after training, in which they "
        "count for nothing, and at evaluation it normalises by them",
        f"let each training batch move them: self.{mean}.lerp_(batch_mean, momentum), and hand "
        "F.batch_norm the buffers themselves, no copies",
    )


def _is_of_amounts(buffer: Tensor) -> bool:
    return buffer.is_floating_point() and buffer.numel() > 1 and not buffer.is_meta
