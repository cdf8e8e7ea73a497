"""Variation is torchvision's, picture by picture and in its distributions, and is fixed by its seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from lamplighter.data.batches import PictureBatches
from lamplighter.images import augment as a
from lamplighter.images import crop
from lamplighter.images.augment import Augment, canvas, draw, policy
from lamplighter.images.pixels import HeldPixels, StreamedPixels
from lamplighter.images.preprocess import Preprocess

CPU = torch.device("cpu")
SAME = 0.01  # p above which two samples may come from one distribution; seeds are fixed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=generator(seed))


def bytes_of(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(seed))


@pytest.mark.parametrize("size", [5, 16, 40])
def test_resized_crop(size: int) -> None:
    """Cut and resized boxes equal torchvision's antialiased ones, enlarged or made smaller."""
    images = noise(4, 3, 24, 32)
    boxes = torch.tensor([[0, 0, 24, 32], [3, 5, 10, 7], [23, 31, 1, 1], [1, 20, 23, 12]])
    found = crop.resized_crop(images, boxes.float(), size)
    for image, box, ours in zip(images, boxes.tolist(), found, strict=True):
        theirs = F.resized_crop(image, *box, [size, size], antialias=True)
        assert torch.allclose(ours, theirs, atol=2e-6)


def test_resized_crop_flipped() -> None:
    """A flipped crop is the flip of the crop."""
    images, boxes = noise(2, 3, 16, 16), torch.tensor([[2.5, 1.25, 9, 11]] * 2)
    plain = crop.resized_crop(images, boxes, 8)
    flipped = crop.resized_crop(images, boxes, 8, torch.tensor([True, False]))
    assert torch.allclose(flipped[0], F.horizontal_flip(plain[0]), atol=1e-6)
    assert torch.equal(flipped[1], plain[1])


@pytest.mark.parametrize("size", [5, 16, 40])
@pytest.mark.parametrize("channels", [1, 3])
def test_resized_bytes(size: int, channels: int) -> None:
    """Bytes on the CPU are cut to the very bytes of torchvision, and lie channels last; the general
    way differs by rounding only."""
    images = bytes_of(4, channels, 24, 32).contiguous(memory_format=torch.channels_last)
    boxes = torch.tensor([[0, 0, 24, 32], [3, 5, 10, 7], [23, 31, 1, 1], [1, 20, 23, 12]])
    flipped = torch.tensor([False, True, False, True])
    found = crop.resized_bytes(images, boxes, size, flipped)
    for image, box, turned, ours in zip(images, boxes.tolist(), flipped, found, strict=True):
        theirs = F.resized_crop(image, *box, [size, size], antialias=True)
        assert torch.equal(ours, F.horizontal_flip(theirs) if turned else theirs)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - crop.resized_crop(images, boxes, size, flipped)).abs().max() <= 1


def test_boxes_in_pixels_lie_within() -> None:
    """Rounded boxes keep a pixel at least and end where the picture ends at the latest."""
    fractions = torch.tensor(
        [[0.0, 0.0, 1.0, 1.0], [0.96, 0.97, 0.04, 0.03], [0.5, 0.2, 0.01, 0.4]]
    )
    assert crop.in_pixels(fractions, 10, 20).tolist() == [
        [0, 0, 10, 20], [9, 19, 1, 1], [5, 4, 1, 8],
    ]  # fmt: skip


def test_resize_weights_sum_to_one() -> None:
    """No place, length or scale leaves a row without weight."""
    draws = noise(200, 2)
    start, length = draws[:, 0] * 30, 0.1 + draws[:, 1] * 1.8
    weights = crop.resize_weights(start, length, 32, 9)
    assert torch.isfinite(weights).all()
    assert torch.allclose(weights.sum(2), torch.ones(()))


def test_shift() -> None:
    """A shifted picture is torchvision's pad and crop at the same place."""
    images = bytes_of(4, 3, 8, 8)
    offsets = torch.tensor([[0, 0], [2, 2], [4, 1], [3, 4]])
    found = a.shift(images, offsets, 2)
    for image, (top, left), ours in zip(images, offsets.tolist(), found, strict=True):
        assert torch.equal(ours, F.crop(F.pad(image, [2]), top, left, 8, 8))
    assert torch.equal(found[1], images[1])


def test_jitter() -> None:
    """Brightness, contrast and saturation equal torchvision's in that order, clamped as there."""
    images = noise(5, 3, 8, 8)
    factors = torch.tensor([[1, 1, 1], [0.7, 1, 1], [1, 1.3, 1], [1, 1, 0.7], [1.3, 0.7, 1.3]])
    found = a.jitter(images, factors)
    for image, (b, c, s), ours in zip(images, factors.tolist(), found, strict=True):
        theirs = F.adjust_brightness(image, b)
        theirs = F.adjust_contrast(theirs, c)
        theirs = F.adjust_saturation(theirs, s)
        assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.allclose(found[0], images[0], atol=1e-6)


def test_jitter_of_grey() -> None:
    """One channel is brightened and contrasted like torchvision's, and saturation does nothing."""
    image = noise(1, 1, 8, 8)
    found = a.jitter(image, torch.tensor([[0.8, 1.2, 0.7]]))
    theirs = F.adjust_contrast(F.adjust_brightness(image, 0.8), 1.2)
    assert torch.allclose(found, theirs, atol=1e-5)


def test_erase() -> None:
    """A blanked rectangle is torchvision's erase at the same place, and nothing else changes."""
    images = noise(3, 3, 8, 8) + 1
    boxes = torch.tensor([[1, 2, 3, 4], [0, 0, 0, 0], [5, 7, 3, 1]])
    found = a.erase(images, boxes)
    for image, (top, left, h, w), ours in zip(images, boxes.tolist(), found, strict=True):
        theirs = F.erase(image, top, left, h, w, torch.zeros(3, 1, 1)) if h else image
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("height", "width"), [(768, 1024), (2400, 600), (400, 2000)])
def test_box_distribution(height: int, width: int) -> None:
    """Areas, aspects and places of crops are distributed as RandomResizedCrop's, narrow pictures too."""
    augment = Augment(crop="resized")
    draws = draw(augment, 3000, generator(1))["box_draws"]
    ours = (
        crop.boxes(draws, torch.full((3000,), width / height), augment.scale, augment.ratio)
        .double()
        .numpy()
    )
    ours = ours * [height, width, height, width]
    torch.manual_seed(2)
    transform = v2.RandomResizedCrop(224, scale=augment.scale, ratio=augment.ratio)
    image = torch.empty(3, height, width)
    drawn = [transform.make_params([image]) for _ in range(3000)]
    theirs = np.array([[d["top"], d["left"], d["height"], d["width"]] for d in drawn], float)
    ours = ours.round()  # theirs are whole pixels
    for what in (
        lambda b: b[:, 2] * b[:, 3],
        lambda b: b[:, 3] / b[:, 2],
        lambda b: b[:, 0],
        lambda b: b[:, 1],
    ):
        # places are drawn from height-h+1 whole pixels there: half a pixel wider than here
        assert ks_2samp(what(ours), what(theirs)).statistic < 0.04


def test_boxes_lie_within() -> None:
    """No crop leaves its picture, whatever the aspect, and the fallback is the central part."""
    augment = Augment(crop="resized")
    aspects = torch.logspace(-2, 2, 500)
    found = crop.boxes(
        draw(augment, 500, generator())["box_draws"], aspects, augment.scale, augment.ratio
    )
    top, left, tall, wide = found.unbind(1)
    assert (found >= 0).all()
    assert (top + tall <= 1 + 1e-6).all()
    assert (left + wide <= 1 + 1e-6).all()
    assert (tall > 0).all()
    assert (wide > 0).all()
    assert torch.allclose(found[0], torch.tensor([0.4933, 0.0, 0.0133, 1.0]), atol=1e-4)


def test_erase_distribution() -> None:
    """Whether, how much and where is blanked is distributed as RandomErasing's."""
    draws = draw(Augment(erase=0.25), 8000, generator(3))["erase"]
    found = a.erased_boxes(draws, 0.25, 60, 90)
    there = found[found[:, 2] > 0].numpy()
    assert abs(len(there) / 8000 - 0.25) < 0.02
    torch.manual_seed(4)
    transform, image = v2.RandomErasing(p=1), torch.empty(3, 60, 90)
    drawn = [transform.make_params([image]) for _ in range(2000)]
    theirs = np.array([[d["i"], d["j"], d["h"], d["w"]] for d in drawn])
    for column in range(4):
        assert ks_2samp(there[:, column], theirs[:, column]).pvalue > SAME
    assert ks_2samp(there[:, 2] * there[:, 3], theirs[:, 2] * theirs[:, 3]).pvalue > SAME
    assert (there[:, 0] + there[:, 2]).max() == 60  # the last row can be blanked
    assert (there[:, 1] + there[:, 3]).max() == 90


def test_flip_and_shift_distribution() -> None:
    """Half of the pictures are flipped, and every shift is as likely as RandomCrop makes it."""
    drawn = draw(Augment(crop="shift", flip=0.5, border=2), 20_000, generator(5))
    assert abs(drawn["flip"].double().mean() - 0.5) < 0.01
    torch.manual_seed(6)
    transform, image = v2.RandomCrop(8, padding=2), torch.empty(3, 12, 12)
    theirs = [transform.make_params([image]) for _ in range(10)]
    assert theirs  # its places are uniform over 0…4 in both directions, as documented
    for column in drawn["shift"].unbind(1):
        shares = torch.bincount(column, minlength=5) / 20_000
        assert torch.allclose(shares, torch.full((5,), 0.2), atol=0.015)


def test_flip_is_torchvisions() -> None:
    """A flipped batch is horizontal_flip of exactly the pictures that were drawn."""
    images, augment = bytes_of(6, 3, 8, 8), policy("flip", 8)
    drawn = draw(augment, 6, generator(7))
    preprocess = Preprocess(8)
    found = a.apply(images, drawn, torch.ones(6), augment, preprocess)
    plain = preprocess.normalise(images)
    assert 0 < drawn["flip"].sum() < 6
    for i, flipped in enumerate(drawn["flip"].tolist()):
        assert torch.equal(found[i], F.horizontal_flip(plain[i]) if flipped else plain[i])


@pytest.mark.parametrize("name", ["none", "flip", "crop", "light", "strong"])
@pytest.mark.parametrize("size", [8, 72])
def test_batch_size_changes_nothing(name: str, size: int) -> None:
    """Each picture of an epoch is varied in the same way in batches of 5 and of 7; the next epoch differs."""
    side = size + 8
    pixels = HeldPixels(bytes_of(10, 3, side, side), torch.linspace(0.5, 2, 10))
    if policy(name, size).crop != "resized":
        pixels = HeldPixels(pixels.pixels[:, :, :size, :size].contiguous(), pixels.aspects)

    def varied(batch: int, epoch: int) -> torch.Tensor:
        batches = PictureBatches(
            pixels, torch.arange(10), Preprocess(size, resize=side), batch=batch, device=CPU,
            augment=policy(name, size), seed=3, shuffle=True,
        )  # fmt: skip
        found = list(batches.epoch(epoch))
        order = torch.cat([b.positions for b in found]).argsort()
        return torch.cat([b.inputs for b in found])[order]

    five, seven = varied(5, 1), varied(7, 1)
    assert torch.allclose(five, seven, atol=1e-5)
    assert name == "none" or not torch.allclose(varied(5, 1), varied(5, 2), atol=1e-3)


def test_held_and_streamed() -> None:
    """Pictures that are held and pictures that are decoded again are varied to the same bits."""
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8))
        for h, w in ((90, 120), (200, 80), (76, 76), (100, 300), (81, 79))
    ]
    augment, preprocess = policy("strong", 70), Preprocess(70, resize=76)

    def render(image: Image.Image) -> np.ndarray:
        return canvas(image, preprocess, augment)

    stack = torch.from_numpy(np.stack([render(p).transpose(2, 0, 1) for p in pictures]))
    held = HeldPixels(stack, torch.tensor([p.width / p.height for p in pictures]))
    streamed = StreamedPixels(5, pictures.__getitem__, render, workers=2)
    for left, right in zip(*(
        PictureBatches(p, torch.arange(5), preprocess, batch=2, device=CPU, augment=augment, shuffle=True).epoch(1)
        for p in (held, streamed)
    ), strict=True):  # fmt: skip
        assert torch.equal(left.inputs, right.inputs)
        assert torch.equal(left.targets, right.targets)


def test_two_steps_stay_near_one() -> None:
    """A crop from the squashed canvas stays near the crop from the picture itself, its aspect kept."""
    y, x = np.mgrid[0:300, 0:400] / 60
    smooth = (127 + 100 * np.stack([np.sin(x), np.cos(y), np.sin(x + y)], 2)).astype(np.uint8)
    augment, preprocess = Augment(crop="resized"), Preprocess(112, resize=128)
    squashed = torch.from_numpy(
        canvas(Image.fromarray(smooth), preprocess, augment).transpose(2, 0, 1).copy()
    )
    draws = draw(augment, 1, generator(9))["box_draws"]
    aspect = torch.tensor([4 / 3])
    box = (
        crop.boxes(draws, aspect, augment.scale, augment.ratio)[0]
        * torch.tensor([300, 400, 300, 400])
    ).round()
    whole = torch.from_numpy(smooth).permute(2, 0, 1).float()
    theirs = F.resized_crop(whole, *box.int().tolist(), [112, 112], antialias=True)
    ours = a._resized(squashed[None], draws, aspect, None, augment, preprocess)[0]
    assert (ours - theirs).abs().mean() < 2  # of 255


def test_bytes_on_the_cpu_are_moved_as_any_others() -> None:
    """The quick way for bytes on the CPU gives what the general one gives, and keeps its input."""
    pictures = torch.randint(0, 256, (40, 3, 12, 10), dtype=torch.uint8)
    kept = pictures.clone()
    offsets, flipped = torch.randint(0, 7, (40, 2)), torch.rand(40) < 0.5
    assert torch.equal(a.shift(pictures, offsets, 3), a.shift(pictures.short(), offsets, 3).byte())
    assert torch.equal(a.flip(pictures, flipped), a.flip(pictures.short(), flipped).byte())
    assert torch.equal(pictures, kept)


@pytest.mark.parametrize("name", ["none", "light", "strong"])
@pytest.mark.parametrize("size", [8, 72])
@pytest.mark.parametrize("channels", [1, 3])
def test_how_pictures_lie_in_memory(name: str, size: int, channels: int) -> None:
    """Pictures that lie colour by colour and pictures that lie pixel by pixel give the same bits."""
    augment, preprocess = (
        policy(name, size),
        Preprocess(size, channels=channels, mean=(0.4,) * channels, std=(0.3,) * channels),
    )
    side = preprocess.resize
    planes = bytes_of(9, channels, side, side)
    dots = planes.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

    def made(pixels: torch.Tensor) -> torch.Tensor:
        held = HeldPixels(pixels, torch.linspace(0.5, 2, 9))
        batches = PictureBatches(
            held, torch.arange(9), preprocess, batch=4, device=CPU, augment=augment, shuffle=True
        )
        return torch.cat([batch.inputs for batch in batches.epoch(1)])

    assert torch.equal(made(planes), made(dots))


def test_normalised_by_rows() -> None:
    """Normalising whole rows of pixels gives the bits of normalising each channel."""
    images = bytes_of(3, 3, 7, 5).contiguous(memory_format=torch.channels_last)
    preprocess = Preprocess(7, mean=(0.1, 0.4, 0.7), std=(0.2, 0.3, 0.5))
    scale, shift = preprocess.scale_and_shift(CPU)
    assert torch.equal(preprocess.normalise(images), images.float() * scale + shift)


def test_threads_are_left_as_they_were() -> None:
    """Batches of small pictures are made by one thread, and what follows has all of them again."""
    pixels = HeldPixels(bytes_of(9, 3, 8, 8), torch.ones(9))
    batches = PictureBatches(
        pixels, torch.arange(9), Preprocess(8), batch=4, device=CPU, augment=policy("light", 8)
    )
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        for _ in batches.epoch(1):
            seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [3, 3, 3]
