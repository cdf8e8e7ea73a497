"""Family M: a layer that reads from both ends, and of which one end alone is used."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

_FIX = (
    "use the final state of both directions: torch.cat((h_n[-2], h_n[-1]), dim=1) of "
    "output, h_n = layer(x) (output, (h_n, c_n) for an LSTM); or pool the output over all places"
)


def one_place_is_used(kind: str, places: int, *, last: bool) -> Iterator[Finding]:
    """M114: the answer is made of one end of the output, where one direction has read one token.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        places: how long the longest sequence is.
        last: whether it is the last place, else the first.
    """
    end, half = ("last", "backward") if last else ("first", "forward")
    yield found(
        "M114",
        f"bidirectional {kind}",
        f"only the {end} place of the output is used: there the {half} direction of the last layer "
        f"has read one token, and what it reads of the other {places - 1} is thrown away",
        _FIX,
    )


def one_state_is_used(kind: str, *, backward: bool) -> Iterator[Finding]:
    """M114: of the two final states of the last layer, one is thrown away.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        backward: whether the used one is that of the backward direction.
    """
    used, other = ("backward", "forward") if backward else ("forward", "backward")
    yield found(
        "M114",
        f"bidirectional {kind}",
        f"of the last layer's two final states only that of the {used} direction is used: the "
        f"{other} direction is computed, thrown away, and never trains",
        _FIX,
    )
