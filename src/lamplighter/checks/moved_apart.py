"""Y101: targets that lie beside the inputs of another row, by a step or from the other end."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 128  # samples
MOST = 1024
WIDEST = 4096  # numbers of a sample
MOST_WORDS = 4096  # different tokens
BLOCK = 256  # samples whose likeness is compared with that of targets anywhere
APART = 6.0  # deviations by which one place fits better than all others
NONE, MUCH = 0.05, 0.2  # of the variance of the targets, as far as the inputs explain it
MANY = 5  # times the other


def targets_moved(inputs: Tensor, targets: Tensor, *, where: str = "targets") -> Iterator[Finding]:
    """Y101: the inputs explain nothing of their targets, and much of those of another row.

    A kernel fit on half of the rows is asked about the other half. What is made of a series is left
    alone: there the next target is often a part of the next input.

    Args:
        inputs: `(N, …)` numbers, or `(N, T)` tokens, in the order of the data set, N ≥ 128.
        targets: `(N,)` class numbers, or `(N, …)` real numbers.
        where: what it is about.
    """
    if not FEWEST <= len(inputs) == len(targets):
        return
    rows, right = _as_rows(inputs[:MOST]), _as_columns(targets[:MOST])
    if rows is None or right is None or _is_a_series(rows) or _repeats(right):
        return
    kernels = _kernels(rows)
    now = max(_explained(kernel, right) for kernel in kernels)
    if now > NONE:
        return
    for offset, turned in _places_that_fit(kernels, right):
        mine = torch.arange(len(rows))
        theirs = offset - mine if turned else mine + offset
        mine = mine[(theirs >= 0) & (theirs < len(rows))]
        if len(mine) < FEWEST or (not turned and offset == 0):
            continue
        moved = right[offset - mine if turned else mine + offset]
        then = max(_explained(kernel[mine][:, mine], moved) for kernel in kernels)
        if then > max(MUCH, MANY * now):
            way = "read from the other end" if turned else _moved_by(offset)
            yield found(
                "Y101",
                where,
                f"over {len(rows)} samples the inputs explain {max(0.0, now):.0%} of the targets' "
                f"variance; with the targets {way} they explain {then:.0%}: each input has the "
                "target of another one",
                "look at where inputs and targets are cut, read or ordered: both must begin at the "
                "same row and run the same way",
                level="error",
            )
            return


def _moved_by(offset: int) -> str:
    return f"moved by {abs(offset)} row{'s' if abs(offset) > 1 else ''}"


def _places_that_fit(kernels: list[Tensor], right: Tensor) -> Iterator[tuple[int, bool]]:
    """Offsets at which targets are alike where inputs are, forwards and backwards, if one stands out.

    Yields:
        The offset, and whether the targets run the other way: row i belongs to target i + offset,
        or to offset − i.
    """
    count = len(right)
    size = min(BLOCK, count // 2)
    begin = (count - size) // 2
    alike = torch.fft.rfft(_diagonals(right @ right.T, size))
    for kernel in kernels:
        block = _centred(kernel[begin : begin + size, begin : begin + size])
        for turned in (False, True):
            fits = _fits(block.flip(0, 1) if turned else block, alike, count)
            best = int(fits.argmax())
            rest = torch.cat([fits[:best], fits[best + 1 :]])
            if float(fits[best] - rest.mean()) > APART * float(rest.std()):
                yield (best + size - 1 + begin if turned else best - begin), turned


def _diagonals(square: Tensor, most: int) -> Tensor:
    """`(most, N)`: the main diagonal of `(N, N)` and those above it, 0 behind their ends."""
    wide = torch.nn.functional.pad(square, (0, most)).contiguous()
    return wide.as_strided((most, len(square)), (1, wide.shape[1] + 1))


def _fits(block: Tensor, alike: Tensor, count: int) -> Tensor:
    """The sum of a block's products with each block of its size along a larger square's diagonal.

    Both are symmetric, so each diagonal is correlated by itself and counts twice. Asked block by
    block, the same sums are thousands of passes over a block, before the first step of a training.

    Args:
        block: `(size, size)`.
        alike: the Fourier transform of the square's diagonals, `(size, …)`.
        count: the square's side.
    """
    size = len(block)
    mine = 2.0 * _diagonals(block, size)
    mine[0] /= 2
    together = (torch.fft.rfft(mine, n=count).conj() * alike).sum(0)
    return torch.fft.irfft(together, n=count)[: count - size + 1]


def _centred(kernel: Tensor) -> Tensor:
    kernel = kernel - kernel.mean(0, keepdim=True) - kernel.mean(1, keepdim=True) + kernel.mean()
    return kernel - kernel.diagonal().diag()


def explained_by(inputs: Tensor, targets: Tensor) -> bool:
    """Whether the inputs explain anything of their own targets, as far as it can be seen."""
    if not FEWEST <= len(inputs) == len(targets):
        return True
    rows, right = _as_rows(inputs[:MOST]), _as_columns(targets[:MOST])
    if rows is None or right is None:
        return True
    return max(_explained(kernel, right) for kernel in _kernels(rows)) > NONE


def _as_rows(inputs: Tensor) -> Tensor | None:
    """`(N, D)` standardised; of tokens, how often each occurs."""
    values = inputs.detach()
    if values.is_complex() or values.dim() < 2:
        return None
    if not values.is_floating_point():
        if values.dim() != 2 or values.dtype in (torch.bool, torch.uint8):
            return None
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= MOST_WORDS:
            return None
        counts = torch.zeros(len(values), high + 1)
        values = counts.scatter_add(1, values.long(), torch.ones(values.shape))
    rows = values.flatten(1).float()
    if rows.shape[1] > WIDEST or not bool(torch.isfinite(rows).all()):
        return None
    spread = rows.std(0)
    rows = rows[:, spread > 1e-6]
    return (rows - rows.mean(0)) / rows.std(0) if rows.shape[1] else None


def _as_columns(targets: Tensor) -> Tensor | None:
    """`(N, K)` real numbers, centred."""
    values = targets.detach()
    if values.is_complex():
        return None
    if not values.is_floating_point():
        if values.dim() != 1 or int(values.min()) < 0 or int(values.max()) >= len(values) // 4:
            return None
        values = torch.nn.functional.one_hot(values.long())
    columns = values.reshape(len(values), -1).float()
    if columns.shape[1] > WIDEST or not bool(torch.isfinite(columns).all()):
        return None
    columns = columns[:, columns.std(0) > 1e-6]
    return columns - columns.mean(0) if columns.shape[1] else None


def _is_a_series(rows: Tensor) -> bool:
    """Whether neighbours hold the same numbers in other places, or are more alike than any two."""
    one, other = rows[:-1], rows[1:]
    near = float((one - other).norm(dim=1).mean())
    any_two = float((rows - rows.roll(len(rows) // 2 + 1, 0)).norm(dim=1).mean())
    if near < 0.9 * any_two:
        return True
    wide = min(64, rows.shape[1])
    a, b = one[:, :wide], other[:, :wide]
    same = a.T @ b / len(a)
    same.fill_diagonal_(0)
    return bool((same.abs() > 0.9).any())


def _repeats(columns: Tensor) -> bool:
    """Whether neighbouring targets are alike, so that a moved target is nearly the own one."""
    near = float((columns[1:] - columns[:-1]).norm(dim=1).mean())
    any_two = float((columns - columns.roll(len(columns) // 2 + 1, 0)).norm(dim=1).mean())
    return near < 0.8 * any_two


def _kernels(rows: Tensor) -> list[Tensor]:
    """How alike any two rows are: by their product, and by their distance."""
    products = rows @ rows.T / rows.shape[1]
    distances = torch.cdist(rows, rows)
    return [products, torch.exp(-((distances / distances.median()) ** 2))]


def _explained(kernel: Tensor, columns: Tensor) -> float:
    """The share of the variance of one half that a ridge fit on the other half explains."""
    half = len(kernel) // 2
    mine = kernel[:half, :half]
    ridge = 0.1 * float(mine.diagonal().mean()) + 1e-6
    weights = torch.linalg.solve(mine + ridge * torch.eye(half), columns[:half])
    left = columns[half:] - kernel[half:, :half] @ weights
    whole = columns[half:] - columns[:half].mean(0)
    return 1 - float((left * left).sum() / (whole * whole).sum().clamp(min=1e-12))
