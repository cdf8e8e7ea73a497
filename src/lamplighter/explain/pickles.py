"""What a pickle would import and call, read from its opcodes. Nothing is unpickled.

A pickle is a program for a small machine. Its opcodes can be listed without running them; the ones
that import (GLOBAL, STACK_GLOBAL, INST) name what would be fetched, and everything that a pickle
can do it does through what it imports.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# a state dict of 10,000 tensors has some 500,000 opcodes
MOST_OPCODES = 4_000_000
MOST_STRINGS = 200_000

_REBUILDERS = {
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_sparse_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_nested_tensor",
    "_rebuild_qtensor",
    "_rebuild_wrapper_subclass",
    "_rebuild_device_tensor_from_cpu_tensor",
    "_rebuild_device_tensor_from_numpy",
}
_TORCH_TYPES = re.compile(
    r"torch(?:\.cuda|\.storage)?\.(?:\w*Storage|Size|device|dtype|float\w*|bfloat16|half|double|"
    r"u?int\d*|long|short|bool|complex\w*|q\w?int\w*|Tensor|BFloat16Tensor|strided|sparse_coo|"
    r"per_tensor_affine|per_channel_affine)"
)
_HARMLESS = {
    "collections.OrderedDict",
    "collections.Counter",
    "collections.defaultdict",
    "builtins.set",
    "__builtin__.set",
    "builtins.bytearray",
    "builtins.complex",
    "_codecs.encode",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch._tensor._rebuild_from_type_v2",
    "torch.serialization._get_layout",
}
_WEIGHT = re.compile(r"[\w.\-]+\.(?:weight|bias|running_mean|running_var|gamma|beta)")
_DANGEROUS = re.compile(
    r"(?:os|posix|nt|subprocess|sys|shutil|socket|ssl|http|urllib|requests|importlib|imp|runpy|code|"
    r"codeop|pty|ctypes|_ctypes|cffi|webbrowser|pickle|_pickle|cPickle|marshal|inspect|pdb|bdb|"
    r"timeit|trace|profile|cProfile|multiprocessing|asyncio|signal|threading|_thread|tempfile|"
    r"zipimport|pkgutil|platform|commands|popen2|pip|distutils|setuptools|ensurepip|venv|site|gc|"
    r"pydoc|doctest|unittest|logging\.config|operator|functools|torch\.hub|torch\.utils\.cpp_extension|"
    r"types\.(?:Function|Code|Lambda)Type|torch\.utils\.collect_env|torch\._inductor\.\w+|numpy\.testing\S*|numpy\.f2py\S*)(?:\.|$)"
)
_BUILTINS = re.compile(
    r"(?:builtins|__builtin__|__builtins__)\.(?:eval|exec|execfile|compile|open|input|getattr|setattr|delattr|"
    r"__import__|globals|locals|vars|breakpoint|apply|map|filter|memoryview|type|object\.\S*)$"
)


@dataclass(frozen=True, slots=True)
class PickleContents:
    """What one or several pickles in a row would do.

    Args:
        imports: "module.name" of everything that would be imported, in order, once each.
        tensors: storages that it refers to, each the values of a tensor.
        names: texts in it that look like names of weights, in order.
        complete: False if it is damaged, or longer than what is read.
        fault: why it is not complete.
    """

    imports: tuple[str, ...]
    tensors: int
    names: tuple[str, ...]
    complete: bool
    fault: str = ""
    pickles: int = 1

    @property
    def foreign(self) -> tuple[str, ...]:
        """The imports that plain weights do not need."""
        return tuple(name for name in self.imports if not is_harmless(name))

    @property
    def dangerous(self) -> tuple[str, ...]:
        """The imports that can run programs, open files or reach the network."""
        return tuple(name for name in self.imports if is_dangerous(name))


def is_harmless(name: str) -> bool:
    """Whether weights alone may need the import: tensors, sizes, ordered dictionaries."""
    if name in _HARMLESS or _TORCH_TYPES.fullmatch(name):
        return True
    module, _, last = name.rpartition(".")
    return module in ("torch._utils", "torch") and last in _REBUILDERS


def is_dangerous(name: str) -> bool:
    """Whether the import is known to give a pickle power over the machine."""
    return bool(_DANGEROUS.match(name) or _BUILTINS.match(name)) or name.startswith("unreadable")


def read_pickle(data: bytes, *, several: int = 1) -> PickleContents:
    """Lists what a pickle would import, without unpickling it.

    Args:
        data: the bytes, beginning with a pickle.
        several: how many pickles may follow one another (torch's old format has five).
    """
    stream = io.BytesIO(data)
    reader = _Reader()
    fault = ""
    done = 0
    try:
        for _ in range(several):
            if stream.tell() >= len(data):
                break
            reader.run(pickletools.genops(stream))
            done += 1
    except _TooLong:
        fault = f"it has more than {MOST_OPCODES:,} steps"
    except Exception as error:  # pickletools raises whatever its decoders raise
        fault = f"it is no whole pickle: {str(error)[:120] or type(error).__name__}"
    return PickleContents(
        tuple(dict.fromkeys(reader.imports)),
        reader.tensors,
        tuple(reader.names),
        not fault,
        fault,
        done,
    )


class _TooLong(Exception):
    """More opcodes than are read."""


class _Mark:
    """Where a slice of the pickle machine's stack begins."""


_MARK = _Mark()
_Item = str | _Mark | None
_STORES = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_LOADS = ("GET", "BINGET", "LONG_BINGET")


class _Reader:
    """The pickle machine's stack and memo, holding texts only: all that an import needs.

    Every opcode takes and leaves as many items as the real machine's, for a stack that drifts
    from the real one could be led to read another name than the one that is imported.
    """

    def __init__(self) -> None:
        self.imports: list[str] = []
        self.names: list[str] = []
        self.tensors = 0
        self.steps = 0
        self.stack: list[_Item] = []
        self.memo: dict[int, _Item] = {}

    def run(self, opcodes: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> None:
        """Takes in one pickle to its STOP."""
        self.memo.clear()
        self.stack.clear()
        for opcode, argument, _ in opcodes:
            self.steps += 1
            if self.steps > MOST_OPCODES:
                raise _TooLong
            self._step(opcode, argument)

    def _step(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        name = opcode.name
        if name in _STORES:
            at = len(self.memo) if name == "MEMOIZE" else int(argument)
            self.memo[at] = self._top()
        elif name in _LOADS:
            self.stack.append(self.memo[int(argument)])
        elif name == "DUP":
            self.stack.append(self._top())
        elif name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            self._import(module, attribute)
            self.stack.append(None)
        else:
            self._move(opcode)
            if name in ("GLOBAL", "INST"):
                module_name, _, attribute_name = str(argument).partition(" ")
                self._import(module_name, attribute_name)
            elif name.startswith("EXT"):
                # means whatever the loading process has registered under that number
                self.imports.append(f"unreadable extension {argument}")
            elif name in ("PERSID", "BINPERSID"):
                self.tensors += 1
            elif "UNICODE" in name or name in ("STRING", "BINSTRING", "SHORT_BINSTRING"):
                self.stack[-1] = argument if isinstance(argument, str) else None
                self._note(argument)

    def _move(self, opcode: pickletools.OpcodeInfo) -> None:
        """Takes off and puts on as many items as the opcode does."""
        before = opcode.stack_before
        takes = len(before)
        if pickletools.markobject in before or (
            opcode.name == "POP" and self.stack and self.stack[-1] is _MARK
        ):
            while self._pop_any() is not _MARK:
                pass
            takes = 0 if opcode.name == "POP" else before.index(pickletools.markobject)
        for _ in range(takes):
            self._pop()
        for item in opcode.stack_after:
            self.stack.append(_MARK if item is pickletools.markobject else None)

    def _top(self) -> _Item:
        if not self.stack or self.stack[-1] is _MARK:
            raise ValueError("its stack is empty where a value is needed")
        return self.stack[-1]

    def _pop_any(self) -> _Item:
        if not self.stack:
            raise ValueError("its stack is empty where a value is needed")
        return self.stack.pop()

    def _pop(self) -> _Item:
        self._top()
        return self.stack.pop()

    def _import(self, module: _Item, attribute: _Item) -> None:
        if len(self.imports) >= MOST_STRINGS:
            raise _TooLong
        if isinstance(module, str) and isinstance(attribute, str):
            self.imports.append(f"{module}.{attribute}")
        else:
            self.imports.append("unreadable import, put together while loading")

    def _note(self, text: Any) -> None:
        if (
            isinstance(text, str)
            and len(text) < 300
            and len(self.names) < MOST_STRINGS
            and _WEIGHT.fullmatch(text)
        ):
            self.names.append(text)
