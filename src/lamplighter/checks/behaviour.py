"""Family M, by behaviour: what the answers do when the inputs are changed on purpose."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, Level
from lamplighter.checks.own_masks import OwnMasks

DROPOUTS: dict[Any, str] = {
    F.dropout: "F.dropout",
    F.dropout1d: "F.dropout1d",
    F.dropout2d: "F.dropout2d",
    F.dropout3d: "F.dropout3d",
    F.alpha_dropout: "F.alpha_dropout",
    F.feature_alpha_dropout: "F.feature_alpha_dropout",
}
# those beneath, which have no default for their switch
BARE = ("dropout", "dropout_", "alpha_dropout", "alpha_dropout_", "feature_dropout")

# where a training is watched, the listening function stands between torch and the caller
_LISTENING = str(Path(__file__).resolve().parent.parent / "watch" / "taps" / "data.py")
_TORCH_FILES = (F.__file__, inspect.getsourcefile(torch.overrides) or "", _LISTENING)
_TORCH = str(Path(torch.__file__).resolve().parent)
_DROPOUT_FILE = inspect.getsourcefile(nn.modules.dropout)


class DropoutsSeen(TorchFunctionMode):
    """Records dropout calls that are active: (function, how it was switched on).

    "default" means that the call said nothing about `training`, whose default is True; "said"
    means that the caller wrote or computed True; "loose" means a layer that is no part of the
    network, so that its `eval()` does not reach it. Attention takes no `training`, so a rate above
    0 at evaluation counts as left out; "own" is a random mask that the network makes itself.

    Args:
        model: the network.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.parts = {id(part) for part in model.modules()}
        self.active: list[tuple[str, str]] = []
        self.own = OwnMasks()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known = inspect.unwrap(func) if hasattr(func, "__wrapped__") else func
        if known in DROPOUTS:
            given = dict(zip(("input", "p", "training"), args, strict=False)) | kwargs
            if float(given.get("p", 0.5)) > 0 and given.get("training", True):
                layer = _calling_layer()
                if layer is not None and id(layer) not in self.parts:
                    self.active.append((f"nn.{type(layer).__name__}", "loose"))
                else:
                    self.active.append((DROPOUTS[known], how_switched_on()))
        elif func is F.scaled_dot_product_attention:
            rate = kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0)
            if float(rate) > 0:
                self.active.append(("F.scaled_dot_product_attention", "default"))
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in BARE and known not in DROPOUTS and len(args) > 2 and args[1] > 0 and args[2]:
            if _is_of_the_network(_caller()):
                self.active.append((f"torch.{name}", "own"))
        elif self.own.completes(name, args, result) and _is_of_the_network(_caller()):
            self.active.append(("a random mask", "own"))
        return result


def _caller() -> FrameType | None:
    """The frame that has called a function of torch, whoever listens to it."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename in (__file__, *_TORCH_FILES):
        frame = frame.f_back
    return frame


def _is_of_the_network(frame: FrameType | None) -> bool:
    """Whether what runs is the program's own code, and not a layer of torch."""
    return frame is not None and not frame.f_code.co_filename.startswith(_TORCH)


def _calling_layer() -> nn.Module | None:
    """The dropout layer of torch that has called the running function, or None."""
    frame = _caller()
    if frame is None or frame.f_code.co_filename != _DROPOUT_FILE:
        return None
    layer = frame.f_locals.get("self")
    return layer if isinstance(layer, nn.modules.dropout._DropoutNd) else None


def how_switched_on() -> str:
    """How the caller of a functional dropout asked for it, read from the text of its call.

    PyTorch fills in the default before anybody can see that it was left out, so only the source
    tells: "default" when `training` is not among the arguments, "said" when it is.
    """
    frame = _caller()
    if frame is None:
        return "said"
    spot = inspect.getframeinfo(frame).positions
    if spot is None or spot.lineno is None or spot.end_lineno is None:
        return "said"
    lines = linecache.getlines(frame.f_code.co_filename)[spot.lineno - 1 : spot.end_lineno]
    if not lines:
        return "said"
    lines[-1] = lines[-1].encode()[: spot.end_col_offset].decode()
    lines[0] = lines[0].encode()[spot.col_offset :].decode()
    try:
        call = ast.parse("".join(lines).strip(), mode="eval").body
    except SyntaxError:
        return "said"
    if not isinstance(call, ast.Call):
        return "said"
    named = any(k.arg in ("training", None) for k in call.keywords)
    return "said" if named or len(call.args) >= 3 else "default"


def samples_mix(
    before: Tensor,
    after: Tensor,
    *,
    changed: int,
    level: Level = "error",
    where: str = "model",
    rounding: float = 1e-3,
) -> Iterator[Finding]:
    """M104: one sample was replaced, and the answers to others moved.

    Args:
        before: `(N, ...)` answers in evaluation mode.
        after: the same with sample `changed` replaced.
        changed: index of the replaced sample.
        level: "warning" where dimension 0 may be something else than the samples.
        where: the model.
        rounding: share of the largest answer up to which it is taken for rounding.
    """
    if before.shape != after.shape or before.dim() < 1 or before.shape[0] < 3:
        return
    per_sample = (before.double() - after.double()).abs().reshape(len(before), -1).amax(1)
    own = float(per_sample[changed])
    per_sample[changed] = 0
    scale = float(before.double().abs().max()) + 1e-12
    moved = int((per_sample > rounding * scale).sum())
    if moved and float(per_sample.max()) > rounding * max(own, 1e-12):
        yield found(
            "M104",
            where,
            f"replacing sample {changed} alone changed the answers to {moved} of the other "
            f"{before.shape[0] - 1} samples by up to {float(per_sample.max()):.3g}",
            "look for view or reshape where permute is meant, flatten without start_dim=1, softmax "
            "or mean over dim 0, and batch_first",
            level=level,
        )


def rows_moved(before: Tensor, after: Tensor) -> int:
    """How many rows of two answers `(N, ...)` differ by more than rounding."""
    if before.shape != after.shape or not before.dim():
        return 0
    gap = (before.float() - after.float()).abs().reshape(len(before), -1).amax(1)
    return int((gap > 1e-3 * (float(before.float().abs().max()) + 1e-12)).sum())


def batch_dimension_lost(count: int, output: Tensor, *, where: str = "model") -> Iterator[Finding]:
    """M104: the answer to a batch has no samples along dimension 0.

    Args:
        count: samples in the batch.
        output: the answer.
        where: the model.
    """
    if output.dim() == 0 or output.shape[0] == count or count < 2:
        return
    if output.shape[0] == 1 or output.dim() == 1:
        yield found(
            "M104",
            where,
            f"{count} samples go in and an answer of shape {tuple(output.shape)} comes out: the "
            "batch was flattened away",
            "use nn.Flatten() or torch.flatten(x, 1), which keep the samples apart",
        )


def one_batch_size(count: int, *, where: str = "model") -> Iterator[Finding]:
    """M119: a batch goes through, and the same batch with fewer samples does not.

    Args:
        count: samples in the batch that goes through.
        where: the model.
    """
    yield found(
        "M119",
        where,
        f"a batch of {count} samples goes through, and one of fewer samples does not: the last "
        "batch of an epoch, or one picture to predict, ends in an error",
        "take the batch size from the input, x.shape[0], and flatten with torch.flatten(x, 1)",
    )


def future_leaks(
    before: Tensor, after: Tensor, *, position: int, where: str = "model"
) -> Iterator[Finding]:
    """M105: a token was changed, and answers at earlier places moved.

    Args:
        before: `(B, T, ...)` answers in evaluation mode.
        after: the same with the token at `position` changed in each row.
        position: the changed place.
        where: the model.
    """
    if before.shape != after.shape or before.dim() < 2:
        return
    gap = (before.float() - after.float()).abs()[:, :position]
    gap = gap if gap.dim() > 2 else gap.unsqueeze(-1)
    scale = float(before.float().abs().max()) + 1e-12
    if gap.numel() and float(gap.max()) > 1e-3 * scale:
        first = int((gap.flatten(2).amax((0, 2)) > 1e-3 * scale).nonzero()[0])
        yield found(
            "M105",
            where,
            f"changing the token at place {position} moves the answer at place {first}, though "
            "each place is asked for the next token: the model reads the answer",
            "give the attention a causal mask (is_causal=True), and use no bidirectional layer",
        )


def answer_is_given(number: int, *, where: str = "model") -> Iterator[Finding]:
    """M105: a further input is the target itself, and each answer moves with its own word.

    Args:
        number: which input, from 0.
        where: the model.
    """
    yield found(
        "M105",
        where,
        f"input {number + 1} is exactly what the loss asks for, and the answer at a place moves "
        "with the word at the same place: the decoder is given the words that it is to predict",
        "give the decoder the target shifted by one: begin, target[:, :-1]",
    )


def dropout_at_evaluation(
    active: Sequence[tuple[str, str]], differs: bool, *, where: str = "model"
) -> Iterator[Finding]:
    """M106: in evaluation mode two passes differ, and a dropout was active in them.

    A call that says `training=True` is told as information: Monte Carlo dropout is written so.

    Args:
        active: what `DropoutsSeen` recorded in evaluation mode.
        differs: whether two passes over the same batch differed.
        where: the model.
    """
    if not active or not differs:
        return
    loose = [name for name, how in active if how == "loose"]
    bare = loose or [name for name, how in active if how in ("default", "own")]
    own = {name for name, how in active if how == "own"}
    name = bare[0] if bare else active[0][0]
    if loose:
        fix = f"make it in __init__: self.dropout = {name}(p), which eval() then switches off"
    elif name in own:
        fix = "do it in training alone: if not self.training: return x"
    elif bare and "attention" in name:
        fix = "write dropout_p=self.p if self.training else 0.0"
    else:
        fix = "write F.dropout(x, p, training=self.training), or use nn.Dropout"
    yield found(
        "M106",
        where,
        f"{name} drops values in evaluation mode, so two passes over the same batch differ"
        + ("; it is no part of the network, so eval() does not reach it" if loose else "")
        + ("" if bare else "; the call itself says training=True"),
        fix,
        level=None if bare else "info",
    )


def answers_are_linear(
    answers: Tensor, scaled: Tensor, *, layers: int, where: str = "model"
) -> Iterator[Finding]:
    """M109: the whole network is an affine map: f(a + b − c) = f(a) + f(b) − f(c).

    Args:
        answers: `(4, ...)` answers in double precision to a, b, c and a + b − c.
        scaled: the same for ten times as large inputs.
        layers: layers with weights.
        where: the model.
    """
    if layers < 2:
        return
    for four in (answers, scaled):
        gap = float((four[0] + four[1] - four[2] - four[3]).abs().max())
        size = float((four - four.mean(0)).abs().max())
        if not size > 0 or gap > 1e-6 * size:
            return
    yield found(
        "M109",
        where,
        f"its answer is a linear function of the input, whatever its {layers} layers learn: one "
        "layer could do the same",
        "put an activation such as nn.ReLU() between the layers",
    )


def neighbours_are_linear(pairs: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """M109 in part: layers with weights follow each other with nothing non-linear between.

    Args:
        pairs: names of neighbouring layers.
    """
    for first, second in dict.fromkeys(pairs):
        yield found(
            "M109",
            f"{first} → {second}",
            "nothing non-linear stands between these two layers, so they do no more than one",
            "put an activation such as nn.ReLU() between them, or keep one",
            level="warning",
        )


def result_ignored(name: str, *, has_weights: bool, call: int = 1) -> Iterator[Finding]:
    """M114: a layer's result was changed and no answer moved.

    Args:
        name: the layer.
        has_weights: whether the layer has weights that then never learn.
        call: which call of the layer in one pass.
    """
    at = f" at its call {call}" if call > 1 else ""
    yield found(
        "M114",
        name,
        f"it is computed{at} and its result is never used: adding noise to it changes no answer",
        f"assign the result: x = self.{name}(x)",
        level="warning" if has_weights else "error",
    )


def input_ignored(name: str, influence: float) -> Iterator[Finding]:
    """M114: one of several inputs has no influence on the answer.

    Args:
        name: the input.
        influence: the largest change of any answer when it was exchanged between samples.
    """
    if influence == 0:
        yield found(
            "M114",
            name,
            "exchanging this input between samples changes no answer",
            "use it in forward, or leave it out of the batch",
            level="warning",
        )


def differ(one: Tensor, other: Tensor) -> bool:
    """Whether two answers to the same inputs are not the same."""
    return one.shape != other.shape or not torch.equal(one, other)
