"""The sources of the running program: its own files, as far as they were imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lamplighter.watch.source.place import is_users, tree_of


def sources_of(modules: Iterable[str] = ()) -> Iterator[ast.Module]:
    """What was imported from where the program was begun, or from where these modules come from.

    Args:
        modules: names of some of the program's modules.
    """
    roots = {_root_of(sys.modules.get(name)) for name in ("__main__", *modules)} - {None}
    for module in list(sys.modules.values()):
        file = _file_of(module)
        if not file.endswith(".py") or not is_users(file):
            continue
        tree = tree_of(file) if not roots.isdisjoint(Path(file).resolve().parents) else None
        if tree is not None:
            yield tree


def _root_of(module: Any) -> Path | None:
    """The folder that a module is imported from: of `nets.small` the one that holds `nets`."""
    file = _file_of(module)
    if not file:
        return None
    path = Path(file).resolve()
    name = getattr(getattr(module, "__spec__", None), "name", None) or module.__name__
    above = name.count(".") + (path.name == "__init__.py")
    return path.parents[min(above, len(path.parents) - 1)]


def _file_of(module: Any) -> str:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else ""
