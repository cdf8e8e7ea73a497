"""The place at which moved targets fit is found by Fourier transforms: the same sums, term by term."""

from __future__ import annotations

import pytest
import torch

from lamplighter.checks.moved_apart import _centred, _diagonals, _fits


@pytest.mark.parametrize(("count", "size"), [(40, 12), (129, 64), (64, 32)])
@pytest.mark.parametrize("turned", [False, True])
def test_fits_are_the_sums_of_products_block_by_block(count: int, size: int, turned: bool) -> None:
    """Each entry is the sum over a block's products with the block that begins there."""
    torch.manual_seed(count)
    right = torch.randn(count, 3)
    rows = torch.randn(size, 5)
    block = _centred(rows @ rows.T)
    block = block.flip(0, 1) if turned else block
    square = right @ right.T
    told = _fits(block, torch.fft.rfft(_diagonals(square, size)), count)
    wanted = torch.stack(
        [(block * square[s : s + size, s : s + size]).sum() for s in range(count - size + 1)]
    )
    assert told.shape == wanted.shape
    torch.testing.assert_close(told, wanted, rtol=1e-4, atol=1e-3 * float(wanted.std()))
