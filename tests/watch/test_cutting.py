"""Reshapes within a network where axes are to change places: D105."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.checks.cutting import Kind, axes_cut, kind_of_cut
from lamplighter.watch import watch

B, N, D, H = 6, 10, 16, 4
Cut = Callable[[Tensor], Tensor]


def by_view(t: Tensor) -> Tensor:
    """Heads × tokens straight from tokens × features."""
    return t.reshape(B, H, N, D // H)


def beside_the_batch(t: Tensor) -> Tensor:
    """Heads laid beside the samples, as in a well-known listing."""
    return t.reshape(B * H, N, D // H)


def rightly(t: Tensor) -> Tensor:
    """Heads beside tokens, and then before them."""
    return t.reshape(B, N, H, D // H).transpose(1, 2)


def back(t: Tensor) -> Tensor:
    """The way back of all three."""
    return t.reshape(B, H, N, D // H).transpose(1, 2).reshape(B, N, D)


def without_transpose(t: Tensor) -> Tensor:
    """Heads laid together without it."""
    return t.reshape(B, N, D)


class Attention(nn.Module):
    """Attention whose heads are cut and laid together by given functions."""

    def __init__(self, cut: Cut, together: Cut, how: str) -> None:
        super().__init__()
        self.cut, self.together, self.how = cut, together, how
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, 2)

    def forward(self, x: Tensor) -> Any:
        q, k, v = (self.cut(t) for t in self.qkv(x).chunk(3, -1))
        if self.how == "fused":
            return self.out(self.together(F.scaled_dot_product_attention(q, k, v)))
        if self.how == "einsum":
            scores = torch.einsum("...qd,...kd->...qk", q, k)
        else:
            scores = q @ k.transpose(-2, -1) / 2
        return self.out(self.together(torch.softmax(scores, -1) @ v))


class Maps(nn.Module):
    """A convolution whose map is read as rows of pixels in a given way."""

    def __init__(self, way: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.way, self.conv, self.out = way, nn.Conv2d(1, 5, 3, padding=1), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Any:
        return self.out(torch.tanh(self.way(self.conv(x)))).mean(1)


def _found(model: nn.Module, shape: Sequence[int]) -> list[tuple[str, str]]:
    optimizer = torch.optim.Adam(model.parameters())
    torch.manual_seed(0)
    with watch() as watching:
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.randn(*shape)).square().mean().backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings if f.code == "D105"]


@pytest.mark.parametrize("how", ["plain", "einsum", "fused"])
@pytest.mark.parametrize(
    ("cut", "together", "expected"),
    [
        (by_view, back, [("D105", "error")]),
        (beside_the_batch, back, [("D105", "error")]),
        (rightly, without_transpose, [("D105", "error")]),
        (rightly, back, []),
    ],
)
def test_heads_are_cut_with_transpose(
    cut: Cut, together: Cut, how: str, expected: list[tuple[str, str]]
) -> None:
    """An error where attention shows what the axes are; with `transpose` there is none."""
    assert _found(Attention(cut, together, how), (B, N, D)) == expected


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (lambda t: t.view(len(t), -1, 5), [("D105", "error")]),
        (lambda t: t.flatten(2).transpose(1, 2), []),
        (lambda t: t.permute(0, 2, 3, 1).reshape(len(t), -1, 5), []),
    ],
)
def test_maps_become_rows_of_pixels_by_permute(
    way: Callable[[Tensor], Tensor], expected: list[tuple[str, str]]
) -> None:
    """Channels × pixels and pixels × channels are not the same row of numbers."""
    assert _found(Maps(way), (8, 1, 9, 9)) == expected


@pytest.mark.parametrize(
    ("given", "made", "kind"),
    [
        ((8, 10, 32), (8, 4, 10, 8), "heads"),
        ((8, 10, 96), (8, 3, 4, 10, 8), "heads"),
        ((8, 10, 4, 8), (8, 4, 10, 8), "heads"),
        ((8, 10, 32), (32, 10, 8), "heads"),
        ((8, 4, 10, 8), (8, 10, 32), "merged"),
        ((8, 50, 7), (8, 7, 50), "swapped"),
        ((8, 3, 20, 20), (8, 20, 20, 3), "swapped"),
        ((8, 49, 64), (8, 64, 7, 7), "swapped"),
        ((8, 3, 16, 16), (8, 16, 48), "patches"),
        ((8, 3, 16, 16), (8, 3, 256), None),
        ((8, 3, 16, 16), (8, 48, 16), None),  # rows of each channel
        ((8, 1, 28, 28), (8, 49, 16), None),
        ((8, 10, 32), (8, 10, 4, 8), None),  # features into heads
        ((10, 8, 32), (10, 32, 8), None),  # the same with the samples in the second place
        ((8, 4, 4, 8), (8, 4, 32), None),  # as many heads as tokens: nothing can be told
        ((8, 16, 32), (8, 8, 64), None),  # pairs of frames
        ((8, 64, 32), (8, 32, 64), None),  # the same, by chance of the same sizes
        ((8, 4, 10, 11), (8, 4, 11, 10), None),  # the skew of relative positions
        ((8, 1, 28, 28), (8, 28, 28), None),
        ((8, 6, 20), (8, 120), None),
    ],
)
def test_kinds_of_reshapes(given: Sequence[int], made: Sequence[int], kind: str | None) -> None:
    """Only what an exchange of axes alone explains has a kind."""
    assert kind_of_cut(given, made, mixed=kind == "merged") == kind


@pytest.mark.parametrize("shape", [(40, 12, 12, 3), (12, 12, 3)])
def test_colours_that_are_reshaped_to_the_front_are_told(shape: tuple[int, ...]) -> None:
    """By the shapes and by what is smoother; colours permuted, or noise of any shape, are silent."""
    torch.manual_seed(0)
    noise = torch.rand(*shape)
    edge = (torch.arange(12) > 5).float()[:, None, None]
    pictures = edge * torch.tensor([0.9, 0.1, 0.2]) + 0.2 * noise
    first = (*shape[:-3], 3, 12, 12)

    def codes(change: Callable[[], Any]) -> list[str]:
        with watch() as watching:
            change()
        return [found.code for found in watching.findings]

    assert codes(lambda: pictures.reshape(first)) == ["D105"]
    assert codes(lambda: pictures.movedim(-1, -3).reshape(first)) == []
    assert codes(lambda: noise.view(first)) == []


@pytest.mark.parametrize(
    ("kind", "words", "fix"),
    [
        ("heads", "each row of a head is cut from the features of one token", "transpose(1, 2)"),
        ("merged", "the heads of one token are not laid side by side", "transpose(1, 2)"),
        ("patches", "each row is a run of numbers that ends in one channel", "unfold"),
        ("swapped", "the axes have changed their sizes and not their places", "permute"),
    ],
)
def test_each_kind_is_told_in_its_own_words(kind: Kind, words: str, fix: str) -> None:
    """With both shapes, and with the call that moves numbers with their axes."""
    (found,) = axes_cut(kind, (8, 6, 4), (8, 4, 6))
    assert found.message.startswith(f"(8, 6, 4) → (8, 4, 6): {words}")
    assert fix in found.fix
