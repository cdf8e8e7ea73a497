"""Reads plain data and numpy arrays out of a pickle stream without unpickling it.

CIFAR is distributed as Python pickles. A pickle is a program; here its instructions are only
*parsed*: names are kept as texts, calls as pairs of name and arguments, and of all calls none is
made. Only the few that numpy arrays and Python 2 texts are made of are understood, by this
module's own code. Whatever else is in the stream is refused.

Source: Python documentation, `pickletools`; NumPy's `ndarray.__reduce__` and `dtype.__reduce__`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from lamplighter.errors import DataError

RECONSTRUCT = frozenset(
    {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
)


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the stream mentions; never looked up."""

    text: str


@dataclass(slots=True)
class Shell:
    """A numpy array or dtype whose state may still come."""

    kind: str
    value: Any = None


FROM_HOME = "fetch the archive again from its home"


class _Mark:
    pass


def read_pickled(content: bytes, *, where: object) -> Any:
    """The dicts, lists, texts, bytes, numbers and arrays of a pickle stream.

    Args:
        content: the stream; Python 2 texts come out as str where they are ASCII, else as bytes.
        where: the file, for errors.

    Raises:
        DataError: it holds anything else, or is damaged.
    """
    try:
        return _open(_run(content))
    except DataError as error:
        raise DataError(error.message, where=where, fix=FROM_HOME) from error
    except Exception as error:
        raise DataError(f"the data are damaged: {error}", where=where, fix=FROM_HOME) from error


def _run(content: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(content):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in _SKIPPED:
            continue
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[cast(int, argument)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[cast(int, argument)])
        elif name in _STEPS:
            _STEPS[name](stack, argument)
        else:
            raise DataError(f"the stream holds {name}, which plain data do not need")
    raise DataError("the stream ends too early")


def _since_mark(stack: list[Any]) -> list[Any]:
    start = max(place for place, one in enumerate(stack) if isinstance(one, _Mark))
    items = stack[start + 1 :]
    del stack[start:]
    return items


def _tuple_of(count: int) -> Callable[[list[Any], Any], None]:
    def step(stack: list[Any], _: Any) -> None:
        items = tuple(stack[-count:])
        del stack[-count:]
        stack.append(items)

    return step


def _append(stack: list[Any], _: Any) -> None:
    item = stack.pop()
    stack[-1].append(item)


def _appends(stack: list[Any], _: Any) -> None:
    items = _since_mark(stack)
    stack[-1].extend(items)


def _dict(stack: list[Any], _: Any) -> None:
    items = _since_mark(stack)
    stack.append(dict(zip(items[::2], items[1::2], strict=True)))


def _set_item(stack: list[Any], _: Any) -> None:
    value, key = stack.pop(), stack.pop()
    stack[-1][key] = value


def _set_items(stack: list[Any], _: Any) -> None:
    items = _since_mark(stack)
    stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _global(stack: list[Any], argument: Any) -> None:
    stack.append(Name(str(argument)))


def _stack_global(stack: list[Any], _: Any) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(Name(f"{module} {name}"))


def _call(stack: list[Any], _: Any) -> None:
    """What a call would make, for the three calls that are known; all others are refused."""
    arguments, called = stack.pop(), stack.pop()
    if not isinstance(called, Name) or not isinstance(arguments, tuple):
        raise DataError("the stream calls something that has no name")
    if called.text in RECONSTRUCT:
        stack.append(Shell("array"))
    elif called.text == "numpy dtype":
        stack.append(Shell("dtype", np.dtype(_plain_text(arguments[0]))))
    elif called.text == "_codecs encode" and _plain_text(arguments[1]) == "latin1":
        stack.append(arguments[0].encode("latin-1"))
    else:
        raise DataError(f"the stream wants to call {called.text!r}; it was not run")


def _build(stack: list[Any], _: Any) -> None:
    state, shell = stack.pop(), stack[-1]
    if not isinstance(shell, Shell):
        raise DataError("the stream sets the state of something that is no array")
    if shell.kind == "dtype":
        order = _plain_text(state[1])
        if order in ("<", ">"):
            shell.value = shell.value.newbyteorder(order)
        return
    _, shape, dtype, fortran, content = state
    if dtype.value.hasobject:
        raise DataError("the stream holds an array of objects")
    if isinstance(content, str):
        content = content.encode("latin-1")
    array = np.frombuffer(content, dtype=dtype.value)
    shell.value = array.reshape(tuple(shape), order="F" if fortran else "C")


def _plain_text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _open(value: Any) -> Any:
    """Shells replaced by what they hold, in place of nested containers."""
    if isinstance(value, Shell):
        return value.value
    if isinstance(value, Name):
        raise DataError(f"the stream holds {value.text!r}; it was not looked up")
    if isinstance(value, dict):
        return {_open(key): _open(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_open(one) for one in value)
    return value


_SKIPPED = frozenset({"PROTO", "FRAME"})
_VALUES = frozenset(
    [
        "INT",
        "LONG",
        "LONG1",
        "LONG4",
        "BININT",
        "BININT1",
        "BININT2",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
    ]
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": _Mark,
}
_STEPS: dict[str, Callable[[list[Any], Any], None]] = {
    "TUPLE": lambda stack, _: stack.append(tuple(_since_mark(stack))),
    "DICT": _dict,
    "LIST": lambda stack, _: stack.append(_since_mark(stack)),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _call,
    "BUILD": _build,
}
