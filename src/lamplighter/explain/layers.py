"""One layer or loss of torch.nn, explained: arguments, output shape with the formula, parameters.

What is told is measured: the layer is really built and run without memory (torch's meta device).
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lamplighter.errors import ModelError, UnknownName, UsageError
from lamplighter.explain.formulas import explain_shape
from lamplighter.explain.layer_inputs import FAMILY, TAKES, infer_arguments, make_inputs
from lamplighter.explain.nothing_left import nothing_left

if TYPE_CHECKING:
    import torch

_HIDDEN = ("device", "dtype", "kwargs", "size_average", "reduce")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a layer: its name, value here, default, and whether it was given."""

    name: str
    value: Any
    default: str
    source: str  # "given", "from the input", "default" or "needed"


@dataclass(frozen=True, slots=True)
class LayerExplanation:
    """One layer, explained.

    Args:
        name: the class of torch.nn.
        signature: as it is called, with defaults.
        says: what it does, in one sentence.
        takes: the shape and kind of its input, in words.
        arguments: each with value, default and where the value comes from.
        input: input shape with B for the batch; empty if no input was given.
        output: output shape; several for layers that return several things.
        formula: the calculation of the output shape, line by line.
        parameters: (name, shape, count) of each.
        notes: what else is worth knowing.
    """

    name: str
    signature: str
    says: str
    takes: str
    arguments: tuple[Argument, ...]
    input: str = ""
    output: str = ""
    formula: tuple[str, ...] = ()
    parameters: tuple[tuple[str, tuple[int, ...], int], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """All parameters together."""
        return sum(count for _, _, count in self.parameters)

    def as_json(self) -> dict[str, Any]:
        """The form that `lamp explain LAYER --json` prints."""
        return {
            "name": self.name,
            "signature": self.signature,
            "says": self.says,
            "takes": self.takes,
            "arguments": [
                {
                    "name": a.name,
                    "value": a.value
                    if isinstance(a.value, int | float | str | bool)
                    else str(a.value),
                    "default": a.default,
                    "source": a.source,
                }
                for a in self.arguments
            ],
            "input": self.input,
            "output": self.output,
            "formula": list(self.formula),
            "parameters": [
                {"name": name, "shape": list(shape), "count": count}
                for name, shape, count in self.parameters
            ],
            "parameter_count": self.count,
            "notes": list(self.notes),
        }


def layer_names() -> list[str]:
    """The layers and losses that can be explained: the public classes of torch.nn."""
    from torch import nn

    return sorted(
        name
        for name, thing in vars(nn).items()
        if inspect.isclass(thing)
        and issubclass(thing, nn.Module)
        and name not in ("Module", "Container")  # the base of all, and its old name
    )


def explain_layer(
    name: str,
    input: str | tuple[int, ...] = "",
    arguments: Mapping[str, Any] | None = None,
) -> LayerExplanation:
    """Explains one layer of torch.nn, with the figures of this use of it.

    Args:
        name: class name in torch.nn, capitals not needed, such as "Conv2d".
        input: the shape of one sample, such as "3x32x32", without the batch (with it is
            understood too where the number of dimensions leaves no doubt).
        arguments: its arguments; texts are read as Python values. Those that follow from the
            input (in_channels, in_features, …) may be left out.

    Raises:
        UnknownName: no such layer, or it has no such argument.
        UsageError: an argument is missing, or the input is not written as a shape.
        ModelError: torch cannot build it so, or it cannot take this input; says why.
    """
    layer_class = _find(name)
    kind = layer_class.__name__
    signature = _signature(layer_class)
    given = {key: read_value(value) for key, value in (arguments or {}).items()}
    _check_names(kind, signature, given)
    sample = read_shape(input)
    inferred = {
        key: value
        for key, value in infer_arguments(kind, sample).items()
        if key in signature.parameters and key not in given
    }
    rows = _rows(signature, given, inferred)
    plain = LayerExplanation(
        name=kind,
        signature=f"{kind}({_written(signature)})",
        says=_first_sentence(layer_class),
        takes=TAKES.get(FAMILY.get(kind, ""), ""),
        arguments=rows,
    )
    missing = [row.name for row in rows if row.source == "needed"]
    if missing and not given and not sample:
        return plain
    if missing:
        raise _missing(kind, missing, sample)
    layer = _build(layer_class, {**inferred, **given})
    return _with_run(plain, layer, sample)


def read_value(text: Any) -> Any:
    """An argument as typed, as a Python value: "2" → 2, "(1,2)" → (1, 2), "true" → True, else text."""
    if not isinstance(text, str):
        return text
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(int(part) for part in text.split("x"))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read_shape(text: str | tuple[int, ...]) -> tuple[int, ...]:
    """A shape as typed: "3x32x32", "3×32×32" or "3,32,32".

    Raises:
        UsageError: it is written otherwise, or a size is 0.
    """
    if not text:
        return ()
    parts = text if isinstance(text, tuple) else re.split(r"\s*[x×,*]\s*", text.strip(" ()[]"))
    try:
        shape = tuple(int(part) for part in parts)
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1 or math.prod(shape) > 10**12:
        raise UsageError(
            f"expected a shape such as 3x32x32 (channels, height, width), got {text!r}",
            where="--input",
            fix="lamp explain Conv2d --input 3x32x32 out_channels=16 kernel_size=3",
        )
    return shape


def _find(name: str) -> type[torch.nn.Module]:
    from torch import nn

    known = {known.lower(): known for known in layer_names()}
    if name.lower() not in known:
        raise UnknownName("layer in torch.nn", name, known.values(), fix="lamp explain Conv2d")
    found: type[torch.nn.Module] = getattr(nn, known[name.lower()])
    return found


def _signature(layer_class: type) -> inspect.Signature:
    """The arguments by name; LSTM, GRU and RNN hide theirs behind *args."""
    from torch import nn

    if not issubclass(layer_class, nn.RNNBase):
        return inspect.signature(layer_class)
    parameters = [p for p in inspect.signature(nn.RNNBase).parameters.values() if p.name != "mode"]
    if layer_class is nn.RNN:
        extra = inspect.Parameter(
            "nonlinearity", inspect.Parameter.KEYWORD_ONLY, default="tanh", annotation=str
        )
        parameters.append(extra)
    if layer_class is not nn.LSTM:
        parameters = [p for p in parameters if p.name != "proj_size"]
    return inspect.Signature(parameters)


def _missing(kind: str, missing: list[str], sample: tuple[int, ...]) -> UsageError:
    example = " ".join(f"{word}=…" for word in missing)
    return UsageError(
        f"{kind} needs {' and '.join(missing)}",
        where=f"lamp explain {kind}",
        fix=f"lamp explain {kind} {'--input SHAPE ' if not sample else ''}{example}",
    )


def _check_names(kind: str, signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    known = [name for name in signature.parameters if name not in _HIDDEN]
    for name in given:
        if name not in known:
            raise UnknownName(
                f"argument of {kind}", name, known, fix=f"{kind} takes: {', '.join(known)}"
            )


def _rows(
    signature: inspect.Signature, given: Mapping[str, Any], inferred: Mapping[str, Any]
) -> tuple[Argument, ...]:
    rows = []
    for name, parameter in signature.parameters.items():
        if name in _HIDDEN or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        needed = parameter.default is parameter.empty
        default = "" if needed else repr(parameter.default)
        if name in given:
            rows.append(Argument(name, given[name], default, "given"))
        elif name in inferred:
            rows.append(Argument(name, inferred[name], default, "from the input"))
        else:
            value = None if needed else parameter.default
            rows.append(Argument(name, value, default, "needed" if needed else "default"))
    return tuple(rows)


def _written(signature: inspect.Signature) -> str:
    parts = []
    for name, parameter in signature.parameters.items():
        if name in _HIDDEN:
            continue
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append(f"{star}{name}{default}")
    return ", ".join(parts)


def _first_sentence(layer_class: type) -> str:
    text = inspect.cleandoc(layer_class.__doc__ or "")
    # LSTM and its kin begin with their own signature
    text = re.sub(r"\A__init__\(.*?\)\s*", "", text.removeprefix("r").strip(), flags=re.DOTALL)
    first = re.split(r"(?<=[.])\s|\n\s*\n", text, maxsplit=1)[0]
    first = re.sub(r":\w+:`~?([^`]*)`", r"\1", first).replace("``", "").replace("`", "")
    return " ".join(first.split())


def _build(layer_class: type[torch.nn.Module], arguments: Mapping[str, Any]) -> torch.nn.Module:
    import torch

    try:
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            return layer_class(**arguments)
    except Exception as error:
        told = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ModelError(
            f"torch cannot make {layer_class.__name__}({told}): {_first_line(error)}{_meaning(error)}",
            where=layer_class.__name__,
            fix=f"lamp explain {layer_class.__name__}",
        ) from error


def _with_run(
    plain: LayerExplanation, layer: torch.nn.Module, sample: tuple[int, ...]
) -> LayerExplanation:
    """The explanation with parameters and, if there is an input, its output."""
    run: dict[str, Any] = {}
    if sample:
        made = make_inputs(plain.name, layer, sample)
        result = _run(plain, layer, sample, made.tensors)
        formula, notes = explain_shape(plain.name, layer, sample)
        run = {
            "input": made.written,
            "output": made.write_output(result),
            "formula": tuple(formula),
            "notes": tuple(notes),
        }
    from torch.nn.parameter import is_lazy

    # after the run: lazy layers know their parameters only then, or never without an input
    parameters = tuple(
        (name, tuple(p.shape), p.numel()) for name, p in layer.named_parameters() if not is_lazy(p)
    )
    return replace(plain, parameters=parameters, **run)


def _run(
    plain: LayerExplanation,
    layer: torch.nn.Module,
    sample: tuple[int, ...],
    tensors: tuple[torch.Tensor, ...],
) -> Any:
    kind = plain.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return layer(*tensors)
    except Exception as error:
        wrong, nearest = nothing_left(kind, layer, sample)
        if wrong:
            given = {row.name: row.value for row in plain.arguments if row.source == "given"}
            told = " ".join(f"{name}={_typed(v)}" for name, v in {**given, **nearest}.items())
            most = " and ".join(f"{name} of at most {_typed(v)}" for name, v in nearest.items())
            padding = ", more padding" if "kernel_size" in nearest else ""
            input = "x".join(map(str, sample))
            raise ModelError(
                wrong,
                where=kind,
                fix=f"a larger input{padding}, or a {most}: lamp explain {kind} --input {input} {told}",
            ) from error
        raise ModelError(
            f"it cannot take an input of {'×'.join(map(str, sample))}: {_first_line(error)}{_meaning(error)}",
            where=kind,
            fix=f"it takes {TAKES[FAMILY[kind]]}" if kind in FAMILY else f"lamp explain {kind}",
        ) from error


def _typed(value: Any) -> str:
    """An argument as it is typed again; a shell would take the brackets of (3, 5) for its own."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _first_line(error: Exception) -> str:
    return (str(error).strip().split("\n") or [type(error).__name__])[0].rstrip(".") + "."


def _meaning(error: Exception) -> str:
    from lamplighter.explain.tracebacks import explain_traceback

    known = explain_traceback(f"{type(error).__name__}: {error}")
    return f" {known.meaning}" if known else ""
