"""Modules that a program may import later, changed as soon as they are there."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Change = Callable[[ModuleType], None]


class _Loader:
    """The module's own loader, and what follows when the module is there."""

    def __init__(self, original: Any, change: Change) -> None:
        self.original = original
        self.change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.original.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self.original
        module.__loader__ = self.original
        self.original.exec_module(module)
        self.change(module)


class _Finder:
    """Finds the awaited modules as Python would, with another loader."""

    def __init__(self, awaited: dict[str, Change]) -> None:
        self.awaited = awaited

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        change = self.awaited.get(name)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, change)  # type: ignore[assignment]
        return spec


def when_imported(awaited: dict[str, Change]) -> Callable[[], None]:
    """Changes modules now, or when they are first imported.

    Args:
        awaited: name of a module → what is done with it.

    Returns:
        Ends the waiting.
    """
    later = {}
    for name, change in awaited.items():
        module = sys.modules.get(name)
        if module is not None:
            change(module)
        else:
            later[name] = change
    finder = _Finder(later)
    sys.meta_path.insert(0, finder)

    def end() -> None:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)

    return end
