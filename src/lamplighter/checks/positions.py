"""Order: what a network makes of the places of its tokens and of its samples: M104, M120."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.snapshot import copied, seed_all

FEWEST = 5  # tokens of a row: the first and the last stay, those between change places
DEEPEST = 8_192  # rows of a table of positions


def place_in_batch(before: Tensor, turned: Tensor, *, where: str = "model") -> Iterator[Finding]:
    """M104: the same samples in another order get other answers.

    Args:
        before: `(N, ...)` answers in evaluation mode.
        turned: answers to the same samples in reverse order, `(N, ...)`.
        where: the model.
    """
    if before.shape != turned.shape or before.dim() < 1 or before.shape[0] < 3:
        return
    one, other = before.float(), turned.flip(0).float()
    scale = float(one.abs().max()) + 1e-12
    gap = (one - other).abs()
    per_sample = gap.flatten(1).max(1).values if gap.dim() > 1 else gap
    moved = int((per_sample > 1e-3 * scale).sum())
    if moved >= 2:
        yield found(
            "M104",
            where,
            f"the same samples in reverse order get other answers: {moved} of {len(before)} moved "
            f"by up to {float(gap.max()):.3g}, so an answer depends on the sample's place in the "
            "batch",
            "look for a positional encoding that is added along the batch (batch_first), and for "
            "indexing by position where a sample's own value is meant",
        )


def tables_of_positions(model: nn.Module, length: int) -> list[str]:
    """Names of the tables in a network that can only hold positions.

    Args:
        model: the network.
        length: tokens in a row.

    Returns:
        Buffers of distinct rows with sines, and weights named after positions.
    """
    names = []
    weights = [(n, p, True) for n, p in model.named_parameters()]
    for name, tensor, learned in [*weights, *((n, b, False) for n, b in model.named_buffers())]:
        if not tensor.is_floating_point() or tensor.dim() not in (2, 3, 4):
            continue
        shape = [size for size in tensor.shape if size > 1]
        if len(shape) != 2 or not length <= shape[0] <= DEEPEST or shape[0] == shape[1]:
            continue
        rows = tensor.detach().reshape(shape)[:length].float()
        if not bool(torch.isfinite(rows).all()) or len(torch.unique(rows, dim=0)) < length:
            continue
        words = name.lower().replace(".", "_").split("_")
        named = any(word.startswith("pos") or word in ("pe", "wpe") for word in words)
        waves = bool((rows.abs() <= 1).all()) and bool((rows < 0).any())
        if named if learned else named or waves:
            names.append(name)
    return names


def order_unseen(model: nn.Module, inputs: Tensor) -> Iterator[Finding]:
    """M120: a network with a table of positions answers the same whatever the order of the tokens.

    Asked of a copy in double precision, where equal means equal.

    Args:
        model: the network; only copies of it run.
        inputs: `(N, T)` token ids or `(N, T, F)` features.
    """
    if inputs.dim() not in (2, 3) or (inputs.dim() == 2 and inputs.is_floating_point()):
        return
    length = inputs.shape[1]
    if length < FEWEST:
        return
    tables = tables_of_positions(model, length)
    if not tables:
        return
    double = copied(model, model).double().eval()
    for part in double.modules():
        if isinstance(part, nn.TransformerEncoder):
            part.enable_nested_tensor = False
    given = inputs.double() if inputs.is_floating_point() else inputs

    def ask(tokens: Tensor) -> Tensor | None:
        seed_all(0)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return answer_in(double(tokens))

    try:
        blind = _is_blind(ask, given)
    except (RuntimeError, IndexError, ValueError, TypeError):
        return
    if blind:
        yield found(
            "M120",
            tables[0],
            f"the {length - 2} tokens between the first and the last can be put into any order, "
            "and the answer stays the same: every place gets the same encoding, or none",
            "add one row for each place: x + self.pe[:, : x.shape[1]] where the batch comes first",
        )


def _is_blind(ask: Callable[[Tensor], Tensor | None], given: Tensor) -> bool:
    before = _ends(ask(given), given)
    if before is None:
        return False
    scale = float(before.abs().max()) + 1e-300
    middle = torch.arange(1, given.shape[1] - 1)
    for order in (middle.flip(0), middle.roll(1)):
        if bool((given[:, order] == given[:, middle]).all()):
            return False
        turned = given.clone()
        turned[:, middle] = given[:, order]
        after = _ends(ask(turned), given)
        if after is None or float((after - before).abs().max()) > 1e-9 * scale:
            return False
    # it must read these tokens at all
    other = given.clone()
    other[:, middle] = given.flip(0)[:, middle]
    after = _ends(ask(other), given)
    return after is not None and float((after - before).abs().max()) > 1e-6 * scale


def _ends(answer: Tensor | None, given: Tensor) -> Tensor | None:
    """What is said of a whole row, or of its first and last token."""
    rows, length = given.shape[:2]
    if answer is None or not answer.is_floating_point() or answer.dim() < 1:
        return None
    if answer.dim() == 2 and answer.shape[0] == rows * length:
        answer = answer.reshape(rows, length, -1)
    if answer.shape[0] != rows:
        return None
    if answer.dim() >= 3 and answer.shape[1] == length:
        return answer[:, [0, -1]]
    return answer if answer.dim() <= 2 else None
