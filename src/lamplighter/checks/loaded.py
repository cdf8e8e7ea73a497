"""Families I and A after loading: states that met few weights, or no network at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def weights_not_loaded(
    wanted: Sequence[str], given: Sequence[str], matched: Sequence[str] | None = None
) -> Iterator[Finding]:
    """I104: `load_state_dict(strict=False)` met few of the model's tensors.

    Args:
        wanted: keys of the model's state dict.
        given: keys of the loaded state dict.
        matched: keys that really were loaded; by default those in both.
    """
    hits = set(matched) if matched is not None else set(wanted) & set(given)
    if not wanted or not given:
        return
    share = len(hits & set(wanted)) / len(wanted)
    if share >= 0.9:
        return
    first = given[0].split(".")[0]
    hint = (
        "" if any(w.startswith(first + ".") for w in wanted) else f"; its keys begin with {first!r}"
    )
    yield found(
        "I104",
        "load_state_dict",
        f"{len(hits)} of the model's {len(wanted)} tensors were in the checkpoint{hint}",
        "compare the two lists of keys, strip a prefix such as 'module.', and load with strict=True",
        level=None if share < 0.5 else "warning",
    )


def state_is_nowhere(name: str, count: int, *, loaded: bool) -> Iterator[Finding]:
    """I104, I105: a file with fitting weights was read, and the network begins with random ones.

    Args:
        name: of the network.
        count: its weights of two and more dimensions.
        loaded: whether another network took the file's weights, and was never called.
    """
    yield found(
        "I105" if loaded else "I104",
        f"`{name}`",
        f"the weights that were read here fit its {count} weights by their shapes, and none of them "
        "is in it when it takes its first step: all are still random"
        + ("; the network that took them is never called" if loaded else ""),
        "load into the network that is trained, after it is built"
        if loaded
        else "compare the keys, and load with load_state_dict(state), which is strict",
    )


def state_is_let_go(name: str, kind: str) -> Iterator[Finding]:
    """I104: a state is loaded into a new network that is let go at once.

    Args:
        name: as the function calls the network.
        kind: its class.
    """
    yield found(
        "I104",
        f"`{name}`",
        f"the state is loaded into a new {kind} that only this function knows, and nothing uses it "
        "there: with the function's end the loaded weights are gone",
        f"load into the network that the function is given, or return {name}",
    )


def tested_without_its_state(name: str, count: int) -> Iterator[Finding]:
    """A102: a new network is tested, and the trained state that fits it lies in a file.

    Args:
        name: of the network.
        count: its parameters.
    """
    yield found(
        "A102",
        f"`{name}`",
        f"it answers with the random values that its {count} parameters were made with: the trained "
        "state that was saved fits it, and is never loaded into it",
        f"load before it is used: {name}.load_state_dict(torch.load(file))",
    )
