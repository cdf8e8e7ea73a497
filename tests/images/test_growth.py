"""Flips that alternate, borders that mirror, and sizes that grow, each fixed by seed and epoch."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from lamplighter.data.batches import PictureBatches
from lamplighter.images.augment import policy, shift
from lamplighter.images.growth import alternated, shrunk, side_at
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess

CPU = torch.device("cpu")
COUNT, SIDE = 40, 16


def batches(*, seed: int = 5, batch: int = 8, augment: str = "alternating") -> PictureBatches:
    pixels = torch.zeros(COUNT, 1, SIDE, SIDE, dtype=torch.uint8)
    pixels[..., : SIDE // 2] = 255  # bright on the left
    return PictureBatches(
        HeldPixels(pixels, torch.ones(COUNT)), torch.arange(COUNT),
        Preprocess(SIDE, channels=1, mean=(0.5,), std=(0.25,)), batch=batch, device=CPU,
        augment=policy(augment, SIDE), seed=seed, shuffle=True,
        side_at=lambda epoch: 8 if epoch == 1 else SIDE,
    )  # fmt: skip


def flipped(source: PictureBatches, epoch: int) -> torch.Tensor:
    """For each picture whether it is seen mirrored in an epoch."""
    seen = torch.zeros(COUNT, dtype=torch.bool)
    for batch in source.epoch(epoch):
        seen[batch.positions] = batch.inputs[:, 0, :, 0].mean(1) < batch.inputs[:, 0, :, -1].mean(1)
    return seen


def test_flips_alternate() -> None:
    """Each picture is mirrored in every other epoch; about half begin so, and which ones is a coin's."""
    odd, even, third = (flipped(batches(), epoch) for epoch in (1, 2, 3))
    assert torch.equal(odd, ~even)
    assert torch.equal(odd, third)
    assert 0.25 < odd.float().mean() < 0.75
    assert not torch.equal(odd, flipped(batches(seed=6), 1))
    assert torch.equal(alternated(odd, 7), odd)


def test_a_picture_is_varied_alike_whatever_the_batch() -> None:
    """(seed, epoch, index) settle a picture, whatever the batch and wherever an epoch is taken up."""
    found = {}
    for size, skip in ((8, 0), (4, 0), (4, 3)):
        for batch in batches(batch=size).epoch(2, skip):
            for position, picture in zip(batch.positions.tolist(), batch.inputs, strict=True):
                assert torch.equal(found.setdefault(position, picture), picture)
    assert len(found) == COUNT


def test_light_is_not_alternating() -> None:
    """The usual flips are drawn anew in each epoch."""
    one, two = (flipped(batches(augment="light"), epoch) for epoch in (1, 2))
    assert not torch.equal(one, ~two)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_border_mirrors(dtype: torch.dtype) -> None:
    """A shifted window is cut from torchvision's reflected border, bytes and floats alike."""
    images = torch.randint(0, 256, (6, 3, 9, 7), generator=torch.Generator().manual_seed(0)).to(
        dtype
    )
    offsets = torch.tensor([[0, 0], [4, 4], [2, 2], [1, 3], [4, 0], [3, 2]])
    bordered = F.pad(images.float(), [2, 2, 2, 2], padding_mode="reflect").to(dtype)
    found = shift(images, offsets, 2, reflected=True)
    for ours, theirs, (top, left) in zip(found, bordered, offsets.tolist(), strict=True):
        assert torch.equal(ours, theirs[:, top : top + 9, left : left + 7])


def test_sizes_grow_to_the_whole() -> None:
    """Never smaller again, even, the share asked for first, whole in the last quarter."""
    sides = [side_at(epoch, 8, 32, 0.5) for epoch in range(1, 9)]
    assert sides == [16, 18, 22, 24, 26, 30, 32, 32]
    assert [side_at(epoch, 1, 32, 0.5) for epoch in (1,)] == [16]
    assert side_at(1, 8, 16, 0.5, least=12) == 12
    assert side_at(1, 8, 32, 1.0) == 32


def test_smaller_pictures_are_those_of_torch() -> None:
    """Shrinking is torch's antialiased bilinear resize; the whole size is the picture itself."""
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    theirs = F.resize(images, [20, 20], antialias=True)
    assert torch.allclose(shrunk(images, 20), theirs, atol=1e-5)
    assert shrunk(images, 32) is images


def test_batches_grow() -> None:
    """An epoch's batches have the side that its number gives."""
    source = batches()
    assert next(source.epoch(1)).inputs.shape[2:] == (8, 8)
    assert next(source.epoch(2)).inputs.shape[2:] == (SIDE, SIDE)
