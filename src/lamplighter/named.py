"""`package.module:name` → the object that the user means.

Importing runs the user's code, so this is only ever called with a text that the person typed;
nothing that comes out of an artifact or a data set may reach it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from lamplighter.errors import UsageError, did_you_mean


def looks_named(text: str) -> bool:
    """Whether `text` has the form `package.module:name` (a Windows drive has not)."""
    module, colon, name = text.partition(":")
    dotted = all(part.isidentifier() for part in module.split("."))
    return bool(colon) and dotted and all(part.isidentifier() for part in name.split("."))


def resolve(text: str, *, what: str = "object") -> Any:
    """Imports and returns what `package.module:name` names.

    The current folder is searched first, so a file beside the command works as it does for
    `python -m`.

    Args:
        text: module path, colon, attribute path.
        what: the word for it in errors: "network", "data set".

    Raises:
        UsageError: the text has another form, the module cannot be imported, or it lacks the name.
    """
    if not looks_named(text):
        raise UsageError(
            f"expected {what} as package.module:name, got {text!r}", fix="example: mynets:Net"
        )
    module_name, _, path = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and module_name.split(".")[0] == error.name.split(".")[0]:
            raise UsageError(
                f"no module {module_name!r} for the {what} {text!r}; looked in {here} and in the installed packages",
                where=text,
                fix=f"a module is named without .py: {module_name[:-3]}:{path}"
                if module_name.endswith(".py")
                else f"run the command in the folder that holds {module_name.split('.')[0]}.py",
            ) from error
        raise UsageError(
            f"{module_name} cannot be imported: {error}", where=text, fix="install what it imports"
        ) from error
    except (Exception, SystemExit) as error:  # a script may end itself when it is imported
        raise UsageError(
            f"importing {module_name} failed: {type(error).__name__}: {error}",
            where=text,
            fix=f"try: python -c 'import {module_name}'",
        ) from error
    for part in path.split("."):
        if not hasattr(found, part):
            known = [name for name in dir(found) if not name.startswith("_")]
            place = getattr(sys.modules[module_name], "__file__", None) or "built in"
            raise UsageError(
                f"{module_name} ({place}) has no {part!r}.{did_you_mean(part, known)}",
                where=text,
                fix="name what stands in that file: package.module:name",
            )
        found = getattr(found, part)
    return found


def name_of(thing: type | Any) -> str:
    """The `package.module:name` under which a class or function can be imported again."""
    return f"{thing.__module__}:{thing.__qualname__}"
