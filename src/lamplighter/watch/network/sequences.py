"""Padded sequences, tried on a copy of the network: M115, M116."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lamplighter.checks import padding
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.labels import padded_places
from lamplighter.checks.snapshot import probing, seed_all
from lamplighter.watch.network.trace import first_difference, operations, uses_of
from lamplighter.watch.network.trial import UNFIT, Trial
from lamplighter.watch.source.place import Place, here

TINY = -100.0  # what is added to a score that softmax shall make 0
ADDING = frozenset(("add", "add_", "__add__", "__radd__", "__iadd__"))
RECURRENT = (nn.RNNBase, nn.RNNCellBase)
ATTENDING = (nn.MultiheadAttention,)
POOLING = frozenset(("mean", "sum", "adaptive_avg_pool1d", "avg_pool1d"))


def look_at_padding(trial: Trial) -> Iterator[tuple[Finding, Place | None]]:
    """What the network does with the padding of its first batch.

    Args:
        trial: a copy of the network and the inputs of its first step.
    """
    if not trial.batches or not trial.rows_are_samples():
        return
    model, inputs = trial.double[0], list(trial.batches[0][:-1])
    padded = _padding_of(inputs)
    if padded is None:
        return
    try:
        masks = masks_of(model, inputs, padded.shape)
        for mask, place in masks:
            for finding in padding.mask_inverted(mask, padded):
                yield finding, place
                return
        by_hand = _masks_by_hand(model, inputs, padded)
        for mask, place in by_hand.left_out:
            for finding in padding.mask_inverted(mask, padded):
                yield finding, place
                return
        if by_hand.over_queries is not None and not by_hand.over_keys:
            if any(True for _ in _cut_short(model, inputs, padded, surely=True)):
                for finding in padding.mask_over_queries(padded):
                    yield finding, by_hand.over_queries
            return
        recurrent = any(isinstance(m, RECURRENT) for m in model.modules())
        told = _declared(padded, inputs)
        in_vain = told is not None and _is_ignored(model, inputs, told)
        convolved = any(isinstance(m, nn.modules.conv._ConvNd) for m in model.modules())
        mixes = not convolved and (
            by_hand.mixes or any(isinstance(m, ATTENDING) for m in model.modules())
        )
        if recurrent or masks or by_hand.found or in_vain or mixes:
            alone = recurrent and not (masks or by_hand.found or in_vain)
            yield from _cut_short(
                model, inputs, padded, surely=recurrent or in_vain, per_place=not alone
            )
    except UNFIT:
        return  # a network that takes one length only: nothing can be compared


def _padding_of(inputs: list[Tensor]) -> Tensor | None:
    """`(B, T)` True at the padding of rows of tokens or features, where there clearly is some."""
    rows = inputs[0]
    if rows.dim() < 2 or rows.shape[1] < 4:
        return None
    if not rows.is_floating_point():
        return padded_places(rows) if rows.dim() == 2 else None
    padded = padding.padded_features(rows)
    return None if padded is None or _declared(padded, inputs) is None else padded


def _declared(padded: Tensor, inputs: list[Tensor]) -> int | None:
    """Which input tells of each row how long it is, or of each place what it is, or None."""
    lengths = (~padded).sum(1)
    for number, given in enumerate(inputs[1:], 1):
        if given.shape == padded.shape:
            if torch.equal(given.bool(), padded) or torch.equal(given.bool(), ~padded):
                return number
        elif given.numel() == len(lengths) and torch.equal(given.flatten().long(), lengths):
            return number
    return None


def _is_ignored(model: nn.Module, inputs: list[Tensor], number: int) -> bool:
    """Whether the rows' answers stay the same when this input is exchanged between them."""
    turned = [t.flip(0) if n == number else t for n, t in enumerate(inputs)]
    if torch.equal(turned[number], inputs[number]):
        return False
    model.eval()
    answers = []
    try:
        with probing(model), torch.no_grad():
            for given in (inputs, turned):
                seed_all(0)
                answers.append(answer_in(model(*given)))
    except (RuntimeError, ValueError):
        return False  # packing asks for sorted lengths: it is used
    one, other = answers
    return one is not None and other is not None and torch.equal(one, other)


class _MasksSeen(TorchFunctionMode):
    """Keeps the masks that reach `scaled_dot_product_attention`."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[tuple[Tensor, Place | None]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            mask = kwargs.get("attn_mask", args[3] if len(args) > 3 else None)
            if isinstance(mask, Tensor) and (mask.dim() == 4 or _is_of_keys(mask)):
                row = mask[:, 0, 0] if mask.dim() == 4 else mask[:, 0]
                left_out = ~row if row.dtype == torch.bool else row.isneginf()
                self.masks.append((left_out, here()))
        return func(*args, **kwargs)


def _is_of_keys(mask: Tensor) -> bool:
    """`(B, Q, T)` with one row of keys for all queries, as where these are no words."""
    return mask.dim() == 3 and bool((mask == mask[:, :1]).all())


def masks_of(
    model: nn.Module, inputs: list[Tensor], shape: torch.Size
) -> list[tuple[Tensor, Place | None]]:
    """`(B, T)` masks of the attentions in one pass, True where a key is left out, with the lines.

    Args:
        model: a copy of the network.
        inputs: its positional arguments.
        shape: of the tokens.
    """
    seen: list[Tensor] = []

    def hook(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        mask = kwargs.get("key_padding_mask", args[3] if len(args) > 3 else None)
        if isinstance(mask, Tensor):
            seen.append(mask if mask.dtype == torch.bool else mask.isneginf())

    attentions = [m for m in model.modules() if isinstance(m, nn.MultiheadAttention)]
    handles = [m.register_forward_pre_hook(hook, with_kwargs=True) for m in attentions]
    model.train()  # at evaluation, fused layers would go around the hooks
    try:
        with probing(model), torch.no_grad(), _MasksSeen() as own:
            model(*inputs)
            weights = [p for m in attentions for p in m.parameters()]
            lines = uses_of(operations(model, inputs), weights) if seen else []
    finally:
        for handle in handles:
            handle.remove()
    line = next((line for line in lines if line is not None), None)
    masks = [(mask, line) for mask in seen] or own.masks
    return [(mask, place) for mask, place in masks if mask.shape == shape]


class _HandMasks(TorchFunctionMode):
    """Looks for a mask that is the padding of the tokens, in whatever shape it is laid over scores."""

    def __init__(self, padded: Tensor) -> None:
        super().__init__()
        self.padded = padded
        self.found = False
        self.columns: list[tuple[Tensor, Place | None]] = []
        self.over_queries: Place | None = None
        self.over_keys = False
        self.left_out: list[tuple[Tensor, Place | None]] = []  # keys whose scores are made tiny
        self.mixes = False  # whether all places are weighed or laid together in one number

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, Tensor):
            return result
        if self._is_padding(result) and _is_column(result):
            self.columns.append((result, here()))
        name = getattr(func, "__name__", "")
        self.mixes = self.mixes or self._mixes_places(func, name, args, result)
        if (mask := self._made_tiny(name, args, result)) is not None:
            self.left_out.append((mask, here()))
        if name in ("masked_fill", "masked_fill_", "where"):
            masks = [m for m in (*args, *(kwargs or {}).values()) if self._is_padding(m)]
            self.found |= bool(masks)
            length = self.padded.shape[1]
            if result.shape[-2:] == (length, length) and any(_is_column(m) for m in masks):
                self.over_queries = self.columns[0][1] if self.columns else here()
            self.over_keys |= any(m.dim() > 2 and m.shape[-2] == 1 for m in masks)
        return result

    def _mixes_places(self, func: Any, name: str, args: Any, result: Tensor) -> bool:
        """Whether all words of a row, with the padding, are weighed against each other or averaged."""
        length = self.padded.shape[1]
        if func is F.scaled_dot_product_attention:
            return bool(args and args[1].shape[-2] == length)
        if name == "softmax":
            return result.dim() > 2 and length in result.shape[-2:]
        given = args[0] if name in POOLING and args else None
        if not isinstance(given, Tensor) or not given.is_floating_point() or given.dim() < 3:
            return False
        return length in given.shape[1:] and length not in result.shape[1:]

    def _made_tiny(self, name: str, args: Any, scores: Tensor) -> Tensor | None:
        """`(B, T)` True at the keys that scores `(…, T, T)` leave out, where one mask is laid over them."""
        length = self.padded.shape[1]
        if scores.dim() < 3 or scores.shape[-2:] != (length, length):
            return None
        if name in ADDING:
            given = [m for m in args if isinstance(m, Tensor) and m.is_floating_point()]
        elif name in ("masked_fill", "masked_fill_") and len(args) > 2:
            value = args[2]
            tiny = isinstance(value, int | float) and value < TINY
            given = [args[1]] if tiny and isinstance(args[1], Tensor) else []
        else:
            return None
        for mask in given:
            over_keys = mask.dim() > 2 and mask.shape[-2] == 1
            if over_keys and mask.numel() == self.padded.numel():
                out = mask < TINY if mask.is_floating_point() else mask.bool()
                return out.reshape(self.padded.shape)
        return None

    def _is_padding(self, mask: Any) -> bool:
        """Whether a tensor says of each place whether it is padding, one way or the other."""
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            return False
        if mask.numel() != self.padded.numel():
            return False
        flat = mask.reshape(self.padded.shape)
        return torch.equal(flat, self.padded) or torch.equal(~flat, self.padded)


def _is_column(mask: Tensor) -> bool:
    """`(B, T, 1)` or `(B, 1, T, 1)`: laid over scores, it covers whole rows."""
    return mask.dim() > 2 and mask.shape[-1] == 1 != mask.shape[-2]


def _masks_by_hand(model: nn.Module, inputs: list[Tensor], padded: Tensor) -> _HandMasks:
    """How a network masks its padding itself."""
    model.eval()
    with probing(model), torch.no_grad(), _HandMasks(padded) as seen:
        model(*inputs)
    return seen


def _cut_short(
    model: nn.Module,
    inputs: list[Tensor],
    padded: Tensor,
    *,
    surely: bool,
    per_place: bool = True,
) -> Iterator[tuple[Finding, Place | None]]:
    """One row with its padding and without, in evaluation mode.

    `per_place`: whether answers for each place count. A bidirectional layer that no mask and no
    length tells of the padding reads it before the words in training as well as at evaluation.
    """
    row = int(padded.sum(1).argmax())
    pads = int(padded[row].sum())
    length = padded.shape[1] - pads
    if not pads or length < 2:
        return
    whole = [t[row : row + 1] for t in inputs]
    short = [t[:, :length] if t.shape[1:2] == padded.shape[1:] else t for t in whole]
    model.eval()
    with probing(model), torch.no_grad():
        seed_all(0)
        answers = [answer_in(model(*given)) for given in (whole, short)]
    if answers[0] is None or answers[1] is None:
        return
    if answers[0].dim() > 2 and not per_place:
        return
    declared = len(inputs) > 1 or any(
        isinstance(m, nn.Embedding) and m.padding_idx is not None for m in model.modules()
    )
    told = padding.padding_changes_answer(
        answers[0], answers[1], pads=pads, level="error" if declared and surely else "warning"
    )
    for finding in told:
        with torch.no_grad():
            passes = operations(model, whole), operations(model, short)
        yield finding, first_difference(*passes, _same_shape_apart)


def _same_shape_apart(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return not torch.allclose(one.float(), other.float(), rtol=1e-2, atol=1e-6)
