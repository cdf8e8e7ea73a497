"""The user's own networks: a class, a function or an instance named `package.module:name`."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch
from torch import nn

from lamplighter.errors import LamplighterError, ModelError

# the names by which a network is told how many classes there are, tried in this order
CLASS_ARGUMENTS = ("num_classes", "outputs", "n_classes")


def make_own(thing: Any, name: str, outputs: int) -> tuple[nn.Module, str]:
    """Calls what the user named, or takes it as it is.

    Args:
        thing: a class, a function that returns a module, or a module.
        name: the text that the user typed, for messages.
        outputs: classes.

    Returns:
        The module, and how it was called: "num_classes", "outputs", "n_classes", "nothing" or
        "as it is".

    Raises:
        ModelError: it needs other arguments, fails, or gives no module.
    """
    if isinstance(thing, nn.Module):
        _refuse_wrapped(thing, name)
        return thing, "as it is"
    if not callable(thing):
        raise ModelError(
            f"expected a class, a function or a network, found {type(thing).__name__}",
            where=name,
            fix="name the class of the network, or a function that returns one",
        )
    arguments, called_with = _arguments(thing, name, outputs)
    try:
        module = thing(**arguments)
    except LamplighterError:
        raise
    except Exception as error:
        told = ", ".join(f"{key}={value}" for key, value in arguments.items())
        fix = "give the class defaults for its other arguments, or name a function that returns it"
        if "before Module.__init__() call" in str(error):
            fix = "begin its __init__ with super().__init__()"
        raise ModelError(
            f"building it as {_short(name)}({told}) failed: {type(error).__name__}: {error}",
            where=name,
            fix=fix,
        ) from error
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"expected an nn.Module, {_short(name)}(…) gave {type(module).__name__}",
            where=name,
            fix="name the class of the network, or a function that returns one",
        )
    _refuse_wrapped(module, name)
    return module, called_with


def _arguments(thing: Any, name: str, outputs: int) -> tuple[dict[str, int], str]:
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return {}, "nothing"
    called_with = next((a for a in CLASS_ARGUMENTS if a in signature.parameters), "nothing")
    arguments = {} if called_with == "nothing" else {called_with: outputs}
    try:
        signature.bind(**arguments)
    except TypeError as error:
        short = _short(name)
        raise ModelError(
            f"{short}{signature} cannot be called with the number of classes alone, by the name "
            f"{' or '.join(CLASS_ARGUMENTS)}: {error}",
            where=name,
            fix=f"write a function beside it, def make(num_classes): return {short}(…), and name that",
        ) from error
    return arguments, called_with


def _refuse_wrapped(module: nn.Module, name: str) -> None:
    """TorchScript and torch.compile hide the layers, which are looked at, copied and exported."""
    if isinstance(module, torch.jit.ScriptModule):
        kind, fix = "TorchScript", "name the nn.Module that it was scripted or traced from"
    elif hasattr(module, "_orig_mod"):
        kind, fix = (
            "torch.compile",
            "name the network without torch.compile; --compile on compiles it",
        )
    else:
        return
    raise ModelError(
        f"it is wrapped by {kind}, which hides its layers; expected the network itself",
        where=name,
        fix=fix,
    )


def already_imported(name: str) -> Any | None:
    """What `package.module:name` means among the modules that are imported; never imports one."""
    module_name, _, path = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in path.split("."):
        if found is None:
            return None
        # vars, not getattr: a module may run code in __getattr__ and so import what a file names
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    is_network = isinstance(found, type) and issubclass(found, nn.Module)
    return found if is_network or inspect.isfunction(found) else None


def _short(name: str) -> str:
    return name.rpartition(":")[2]
