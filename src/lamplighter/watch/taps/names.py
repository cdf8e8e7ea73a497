"""What operations of torch are called where they are heard, and which hand on what they are given.

A watcher that follows tensors takes from these tables, and adds what leaves its own kind of thing
what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

Given = TypeVar("Given")

# torch for NumPy or plain Python
LEAVING = ("numpy", "tolist", "__array__", "item", "__float__")
# the same numbers in another kind, in another precision, on another device
CONVERTING = frozenset(
    ("to", "type", "float", "double", "half", "bfloat16", "long", "int", "cpu", "cuda")
)
# every number stays what it is, where it is
KEEPING = CONVERTING | {"detach", "clone", "contiguous"}
# the same numbers in the same order, in another shape
RESHAPING = frozenset(("view", "reshape", "flatten", "squeeze", "unsqueeze"))
# the first tensor, in the kind or the shape of the second
LIKE_ANOTHER = frozenset(("type_as", "view_as", "reshape_as"))
# dimensions change places
TRANSPOSING = frozenset(("t", "transpose", "permute"))
# of each number how far it is from nothing, and that of all together
BENDING = frozenset(("pow", "square", "abs"))
DISTANCES = BENDING | {"norm", "linalg_norm", "linalg_vector_norm"}
# some of the numbers, or those of several tensors together
PICKING = frozenset(("__getitem__", "select"))
JOINING = frozenset(("cat", "stack"))

_OF_THE_FIRST = KEEPING | RESHAPING | LIKE_ANOTHER
# how one operation is written in several ways
_SAME = {
    "__matmul__": "matmul",
    "__rmatmul__": "matmul",
    "bmm": "matmul",
    "subtract": "sub",
    "__rsub__": "rsub",
    "multiply": "mul",
    "__rmul__": "mul",
    "true_divide": "div",
    "divide": "div",
    "__rdiv__": "rdiv",
    "__rtruediv__": "rdiv",
    "__radd__": "add",
    "negative": "neg",
    "expit": "sigmoid",
    "swapaxes": "transpose",
    "__iadd__": "add",
    "__isub__": "sub",
    "__imul__": "mul",
    "__idiv__": "div",
    "__itruediv__": "div",
    "__eq__": "eq",
    "__and__": "bitwise_and",
    "logical_and": "bitwise_and",
}
_ATTRIBUTES = {"T": "transpose", "mT": "transpose", "H": "transpose", "data": "detach"}


def name_of(func: Any) -> str:
    """The name of an operation, the same for its operator, its method and its in-place form."""
    name: str = getattr(func, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        return _ATTRIBUTES.get(name, name)
    return _one_name(name)


@lru_cache(maxsize=1024)  # asked for each operation of a step
def _one_name(name: str) -> str:
    name = same_name(name)
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def same_name(name: str) -> str:
    """The one name of an operation that may be written in several ways; others stay as they are."""
    return _SAME.get(name, name)


def handed_on(name: str, given: Sequence[Given]) -> Sequence[Given]:
    """Those of an operation's arguments whose numbers may be in its result.

    Args:
        name: as `name_of` gives it.
        given: in their order; of `x.to(other)` and its like, it is the first alone.
    """
    return given[:1] if name in _OF_THE_FIRST else given
