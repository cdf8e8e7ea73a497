"""From an error's text to what it means, where it is and what mends it. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lamplighter.explain.errors import KINDS
from lamplighter.explain.kind import Explanation, Kind
from lamplighter.explain.trace import MOST_MESSAGE, Frame, Raised, Trace, read_trace

_CALL = re.compile(r"(?<![\w.])((?:self\.)?[A-Za-z_][\w.]*(?:\[[^\]]*\])?)\(")
_ASSIGNED = re.compile(r"^(?:return|def [^:]*:|[\w., \[\]]+=(?!=))\s*")
_LAYERS = {
    "linear": "Linear",
    "conv": "convolution",
    "batchnorm": "BatchNorm",
    "normalization": "LayerNorm or GroupNorm",
    "pooling": "pooling",
    "sparse": "Embedding",
    "rnn": "RNN",
    "loss": "loss",
    "activation": "activation or attention",
    "dropout": "Dropout",
    "flatten": "Flatten",
    "upsampling": "Upsample",
    "instancenorm": "InstanceNorm",
}


def explain_traceback(text: str) -> Explanation | None:
    """Explains an error text or a whole traceback.

    Args:
        text: a message, a traceback (chained, of several ranks, from a worker, from a notebook,
            coloured), or a log that ends with one.

    Returns:
        The explanation, or None if the error is of no known kind; nothing is guessed then.
    """
    trace = read_trace(text)
    raised = [e for e in trace.errors if not e.is_warning]
    plain = [kind for kind in KINDS if not kind.wrapper]
    if found := _first(plain, reversed(raised), trace):
        return found
    whole = Raised("", trace.text[-MOST_MESSAGE:])
    if raised:
        # an error of unknown kind: the rest of the output may speak only where a log line is
        # unmistakable (a watchdog, a bus error), else a stray warning would pass for the cause
        anywhere = [kind for kind in plain if kind.anywhere]
        return _first(anywhere, [whole], trace) or _first(KINDS, reversed(raised), trace)
    warnings = [e for e in trace.errors if e.is_warning]
    return _first(plain, [*reversed(warnings), whole], trace) or _first(KINDS, [whole], trace)


def last_line(text: str) -> str:
    """The line of an output that most likely names the failure."""
    return read_trace(text).last_line


def _first(
    kinds: Iterable[Kind], errors: Iterable[Raised] | Iterator[Raised], trace: Trace
) -> Explanation | None:
    kinds = list(kinds)
    for raised in errors:
        for kind in kinds:
            case = kind.recognise(raised, trace)
            if case is None:
                continue
            meaning, fixes = kind.tell(case)
            place = _own_place(raised, trace)
            return Explanation(
                kind=kind.name,
                title=kind.title,
                error=raised.short if raised.name else _line_of(case.match),
                meaning=meaning,
                fixes=fixes,
                place=place,
                layer=_layer(raised, place),
                notes=_notes(raised, trace),
            )
    return None


def _line_of(match: re.Match[str]) -> str:
    """The whole line of the text in which the pattern begins."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    return match.string[start:].split("\n", 1)[0].strip()


def _own_place(raised: Raised, trace: Trace) -> Frame | None:
    """The person's last own frame: of this error if it has one, else of the whole output."""
    own = [frame for frame in raised.frames if frame.own]
    if own:
        return own[-1]
    anywhere = [f for e in trace.errors for f in e.frames if f.own]
    return anywhere[-1] if anywhere else None


def _layer(raised: Raised, place: Frame | None) -> str:
    """The layer in which it happened: the name in the person's code, the kind by torch's file."""
    modules = [
        found[1]
        for frame in raised.frames
        if (found := re.search(r"nn/modules/(\w+)\.py$", frame.file.replace("\\", "/")))
    ]
    kinds = [_LAYERS[name] for name in modules if name in _LAYERS]
    if not kinds:
        return ""
    called = _CALL.search(_ASSIGNED.sub("", place.code)) if place else None
    inside = f"{kinds[-1]} inside nn.Sequential" if "container" in modules else kinds[-1]
    return f"{called[1]} ({inside})" if called else inside


def _notes(raised: Raised, trace: Trace) -> tuple[str, ...]:
    """What the reader should know besides: workers, ranks, a later error."""
    notes = []
    if found := re.search(r"Caught \w+ in DataLoader worker process (\d+)", trace.text):
        notes.append(
            f"It happened in DataLoader worker {found[1]}; with num_workers=0 the traceback is shorter."
        )
    raised_all = [e for e in trace.errors if not e.is_warning]
    if raised.name and raised_all and raised_all[-1].short != raised.short:
        notes.append(f"A later error followed from it: {raised_all[-1].short}")
    return tuple(notes)
