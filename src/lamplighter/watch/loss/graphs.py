"""The graph behind a loss: which operations are in it, with which shapes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

MOST = 20_000  # nodes that are walked over
TERMS = 32  # nodes of one sum
# what makes a number of another number alone
_SCALING = (
    *("MulBackward", "DivBackward", "NegBackward", "ToCopyBackward", "CloneBackward"),
    *("ViewBackward", "SqueezeBackward", "UnsqueezeBackward", "ReshapeAlias"),
)
_ADDING = ("AddBackward", "SubBackward", "RsubBackward", "StackBackward", "CatBackward")
_WHOLE = ("SumBackward", "MeanBackward")
_LAYING = ("StackBackward", "CatBackward")


def nodes_of(root: Any, most: int = MOST) -> Iterator[Any]:
    """The nodes of a graph, those nearest to the root first.

    Args:
        root: what `backward()` is called on, or a node of its graph.
        most: at most so many nodes.
    """
    first = root.grad_fn if isinstance(root, Tensor) else root
    if first is None:
        return
    waiting: deque[Any] = deque([first])
    seen = {first}
    while waiting and len(seen) < most:
        node = waiting.popleft()
        yield node
        for inner, _ in node.next_functions:
            if inner is not None and inner not in seen:
                seen.add(inner)
                waiting.append(inner)


def leaves_of(root: Any, most: int = MOST) -> Iterator[Tensor]:
    """The tensors at which a graph ends and gradients arrive: weights, and inputs that ask for them.

    Args:
        root: as in `nodes_of`.
        most: at most so many nodes are looked at.
    """
    for node in nodes_of(root, most):
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            yield leaf


def asks_for_inputs(root: Tensor, held: set[int], most: int = 2_000) -> bool:
    """Whether gradients go to tensors that nobody trains, as where an attack or a saliency is sought.

    Args:
        root: what `backward()` is called on.
        held: ids of all that optimizers have; empty: whoever moves weights by hand may move any.
        most: nodes of the graph that are looked at.
    """
    leaves = leaves_of(root, most) if held else ()
    return any(not isinstance(leaf, nn.Parameter) and id(leaf) not in held for leaf in leaves)


def shape_of(node: Any, index: int = 0) -> torch.Size | None:
    """The shape of what an operation made, or None where the graph does not tell."""
    try:
        return torch.Size(node._input_metadata[index].shape)
    except (AttributeError, IndexError, TypeError, RuntimeError):
        return None


def terms_of(node: Any, most: int = TERMS) -> Iterator[Any]:
    """The nodes of the numbers that a sum was made of, without their factors.

    Args:
        node: of the sum; None: of nothing.
        most: nodes of the sum that are read.
    """
    waiting, count = [node] if node is not None else [], 0
    while waiting and count < most:
        one = waiting.pop()
        count += 1
        inner = [n for n, _ in one.next_functions if n is not None]
        if _is_of_terms(one, inner):
            waiting += inner
        else:
            yield one


def _is_of_terms(node: Any, inner: list[Any]) -> bool:
    """Whether what a node makes is a sum of what comes before it, or a part of it."""
    name = node.name()
    if len(inner) != 1:
        return bool(inner) and name.startswith(_ADDING)
    if name.startswith(_WHOLE):
        return bool(inner[0].name().startswith(_LAYING))
    return name.startswith(_ADDING) or (name.startswith(_SCALING) and _is_one_number(node))


def _is_one_number(node: Any) -> bool:
    shape = shape_of(node)
    return shape is not None and shape.numel() == 1


def differences(root: Tensor) -> Iterator[tuple[torch.Size, torch.Size]]:
    """Differences near the loss between an answer and something without a graph.

    Yields:
        Shape of the answer, and shape of the difference.
    """
    for node in nodes_of(root, 64):
        if not node.name().startswith(("SubBackward", "RsubBackward")):
            continue
        answers = [(inner, index) for inner, index in node.next_functions if inner is not None]
        if len(answers) != 1 or "AccumulateGrad" in answers[0][0].name():
            continue
        answer, made = shape_of(*answers[0]), shape_of(node)
        if answer is not None and made is not None:
            yield answer, made


# what a loss of each sample ends with → what of, in a graph
_OF_EACH_SAMPLE = {
    "PowBackward": ("SubBackward", "RsubBackward"),
    "AbsBackward": ("SubBackward", "RsubBackward"),
    "GatherBackward": ("LogSoftmaxBackward",),
    "IndexBackward": ("LogSoftmaxBackward",),
    "NegBackward": ("GatherBackward", "IndexBackward"),
}


def is_loss_of_each(values: Tensor) -> bool:
    """Whether a tensor holds squares or amounts of differences, or log-probabilities that were picked."""
    node: Any = values.grad_fn
    while node is not None and node.name().startswith(("Squeeze", "View")):
        node = node.next_functions[0][0]
    for end, before in _OF_EACH_SAMPLE.items() if node is not None else ():
        if node.name().startswith(end):
            inner = node.next_functions[0][0]
            return inner is not None and inner.name().startswith(before)
    return False


def is_loss(root: Tensor) -> bool:
    """Whether what is sent back is one number with a graph."""
    return root.numel() == 1 and root.requires_grad


def slopes_at(root: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """How a number changes with tensors of its graph; None for those that it does not depend on.

    Args:
        root: one number with a graph, which is left as it is.
        tensors: each with a graph.
    """
    with torch.enable_grad():
        slopes: tuple[Tensor | None, ...] = torch.autograd.grad(
            root, tensors, retain_graph=True, allow_unused=True
        )
    return slopes


def direction_of(slopes: Tensor) -> int:
    """1 where a number rises with each value of a tensor, or stays; -1 where it falls; 0: neither."""
    if not slopes.numel() or not bool(slopes.any()):
        return 0
    if bool((slopes >= 0).all()):
        return 1
    return -1 if bool((slopes <= 0).all()) else 0


# operation → its saved tensor, and what there makes the loss or its gradient infinite
_BREAKING = {
    "LogBackward0": ("_saved_self", "log", "a logarithm of 0"),
    "SqrtBackward0": ("_saved_result", "sqrt", "a square root of 0, whose slope is infinite"),
    "DivBackward0": ("_saved_other", "/", "a division by 0"),
}


def breaking_operation(root: Tensor) -> tuple[str, str] | None:
    """The operation of a graph that gives infinity at its present input.

    Args:
        root: before `backward()` has run, which lets go what was saved.

    Returns:
        The name of the function and a sentence's part about it, or None.
    """
    for node in nodes_of(root):
        known = _BREAKING.get(node.name())
        if known is None:
            continue
        try:
            saved = getattr(node, known[0], None)
        except RuntimeError:
            continue
        if isinstance(saved, Tensor) and saved.numel() and bool((saved == 0).any()):
            return known[1], known[2]
    return None
