"""Family M: parts that the program means to freeze, and that learn all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

ALIKE = 0.85  # of a misspelt name to the right one


def means_freezing(name: str) -> bool:
    """Whether an attribute that is set to False can only be meant to freeze.

    Args:
        name: `requires_grad` and what is nearly that, such as `require_grad`, or `trainable`.
    """
    plain = name.lower().strip("_")
    if plain in ("trainable", "requires_grad"):
        return True
    if plain.startswith("_") or "grad" not in plain:
        return False
    return SequenceMatcher(None, plain, "requires_grad").ratio() >= ALIKE


def mark_without_effect(mark: str, of: str, count: int, *, module: bool) -> Iterator[Finding]:
    """M111: an attribute that PyTorch does not know was set to False, and the part has learned.

    Args:
        mark: the attribute.
        of: name of the layer or parameter.
        count: how many weights, of those below it, have changed.
        module: whether it was set on a layer.
    """
    what = "a layer" if module else "a parameter"
    yield found(
        "M111",
        of,
        f"`{mark} = False` on {what} freezes nothing, PyTorch does not look at it: "
        f"{count} of its tensors have got gradients and changed",
        "call requires_grad_(False) on it, with the brackets",
    )


def moved_while_frozen(name: str, count: int) -> Iterator[Finding]:
    """M111: parameters with `requires_grad=False` are moved by their optimizer.

    Args:
        name: the first of them.
        count: how many.
    """
    yield found(
        "M111",
        name + (f" and {count - 1} more" if count > 1 else ""),
        "it has requires_grad=False, yet each step moves it: its optimizer goes on with an old "
        "gradient, momentum or weight decay",
        "build the optimizer anew from what shall learn, or clear with zero_grad(set_to_none=True)",
    )


def line_without_effect(text: str, why: str, *, certain: bool) -> Iterator[Finding]:
    """M111: a line that is to freeze does nothing, and nothing is frozen.

    Args:
        text: of the statement.
        why: what is wrong with it.
        certain: "warning" where it is not that the line is about what learns.
    """
    yield found(
        "M111",
        text,
        f"{why}: the line freezes nothing, and every weight of the network learns",
        "for p in layer.parameters(): p.requires_grad = False, or layer.requires_grad_(False)",
        level="error" if certain else "warning",
    )


def new_layer_frozen(names: Sequence[str]) -> Iterator[Finding]:
    """M110: layers that took the place of trained ones hold random values and cannot learn.

    Args:
        names: of these layers.
    """
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    yield found(
        "M110",
        names[0],
        f"{names[0]}{more} took the place of what was trained or loaded, holds the random values "
        "that it was made with, and is frozen: what comes after it learns from a random mixture",
        f"set requires_grad=True on the parameters of {names[0]}, and give them to the optimizer",
    )
