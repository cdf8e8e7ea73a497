"""Lamplighter: from data to a PyTorch model that you can trust.

    import lamplighter as lamp

    run = lamp.train("photos/", model="resnet18", epochs=5)
    print(run.best, run.report)
    print(run.model.predict("cat.jpg"))

Every name here is loaded when it is first used: importing the package does not import torch.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lamplighter.version import __version__

if TYPE_CHECKING:
    from lamplighter import errors as errors
    from lamplighter.api import (
        check,
        compare,
        evaluate,
        explain,
        fit,
        look,
        train,
        watch,
    )
    from lamplighter.checks.finding import Finding
    from lamplighter.images.preprocess import Preprocess
    from lamplighter.predict import Model, load
    from lamplighter.recipe import Recipe
    from lamplighter.run import Run

_PLACES = {
    "train": "lamplighter.api",
    "fit": "lamplighter.api",
    "check": "lamplighter.api",
    "watch": "lamplighter.api",
    "look": "lamplighter.api",
    "evaluate": "lamplighter.api",
    "compare": "lamplighter.api",
    "explain": "lamplighter.api",
    "load": "lamplighter.predict",
    "Model": "lamplighter.predict",
    "Run": "lamplighter.run",
    "Recipe": "lamplighter.recipe",
    "Preprocess": "lamplighter.images.preprocess",
    "Finding": "lamplighter.checks.finding",
}

__all__ = [
    "Finding",
    "Model",
    "Preprocess",
    "Recipe",
    "Run",
    "__version__",
    "check",
    "compare",
    "errors",
    "evaluate",
    "explain",
    "fit",
    "load",
    "look",
    "train",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("lamplighter.errors")
    if name not in _PLACES:
        from lamplighter.errors import did_you_mean

        raise AttributeError(f"lamplighter has no {name!r}.{did_you_mean(name, __all__)}")
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


class _Face(ModuleType):
    """Keeps `lamp.watch` and `lamp.look` functions when the rooms of these names are imported.

    Importing a submodule sets it as an attribute of its package, which would hide the function.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
