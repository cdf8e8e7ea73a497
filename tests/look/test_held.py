"""Pictures held in memory are measured in blocks, to the same figures as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lamplighter.data.example import Example
from lamplighter.data.memory import MemorySource, digest_of_pixels
from lamplighter.look.facts import Facts
from lamplighter.look.held import SmallPictures, blocks_of, measure_block, resize
from lamplighter.look.measure import measure_file, measure_picture
from lamplighter.look.verdict import look

FIGURES = {"mean": 0.3, "deviation": 0.2, "detail": 0.2, "flat": 0.02, "colours": 0}


def scenes(draw, side: tuple[int, int], mode: str) -> np.ndarray:
    """Eight drawn scenes as one array."""
    return np.stack([np.asarray(draw(seed, *side).convert(mode)) for seed in range(8)])


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("side", [(32, 32), (28, 20), (120, 96)])
def test_a_block_gives_the_figures_of_single_pictures(side, mode, draw):
    """Thumbnails agree to three grey levels, figures to rounding, sizes and modes exactly."""
    pixels = scenes(draw, side, mode)
    for facts, levels in zip(measure_block(pixels), pixels, strict=True):
        alone = measure_picture(Image.fromarray(levels), digest_of_pixels(levels))
        for name in ("mode", "width", "height", "length", "sha256", "format", "orientation"):
            assert getattr(facts, name) == getattr(alone, name)
        for name, most in FIGURES.items():
            assert abs(getattr(facts, name) - getattr(alone, name)) <= most, name
        assert apart(facts.grey_array(), alone.grey_array()) <= 3
        assert apart(facts.colour_array(), alone.colour_array()) <= 3


def test_small_files_are_weighed_together_to_the_figures_of_each_alone(draw, tmp_path):
    """Of two sizes, in any company; a large picture does not wait."""
    sides = [(32, 32), (40, 30), (32, 32), (200, 150), (40, 30)]
    files = [tmp_path / f"{place}.png" for place in range(len(sides))]
    for place, (file, side) in enumerate(zip(files, sides, strict=True)):
        draw(place, *side).save(file)
    small = SmallPictures()
    together = [measure_file(file, small.weigh) for file in files]
    assert [bool(facts.grey) for facts in together] == [False, False, False, True, False]
    small.settle()
    for file, facts in zip(files, together, strict=True):
        alone = SmallPictures()
        once_more = measure_file(file, alone.weigh)
        alone.settle()
        assert facts == once_more
        at_once = measure_file(file)
        assert facts.pixels == at_once.pixels
        assert abs(facts.detail - at_once.detail) <= FIGURES["detail"]
        assert apart(facts.grey_array(), at_once.grey_array()) <= 3


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "tif"])
def test_a_file_that_is_cut_off_is_told_in_every_format(draw, tmp_path, ending):
    """What the header says is known, and the pixels that are missing are not made up."""
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    draw(1, 60, 48).save(whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    sound, facts = measure_file(whole), measure_file(cut)
    assert (sound.fault, sound.width, sound.height) == ("", 60, 48)
    assert (facts.fault, facts.pixels) == ("unreadable", "")


def apart(ours: np.ndarray, theirs: np.ndarray) -> int:
    """The largest difference."""
    return int(np.abs(ours.astype(int) - theirs).max())


def test_resizing_up_is_that_of_pillow(draw):
    """Enlarging gives Pillow's bilinear pixels to within one level."""
    small = scenes(draw, (28, 28), "L")
    theirs = [Image.fromarray(s).resize((48, 48), Image.Resampling.BILINEAR) for s in small]
    assert apart(resize(small, 48), np.stack([np.asarray(t) for t in theirs])) <= 1


def test_blocks_are_bounded():
    """Large pictures come in small blocks, small ones in blocks of a thousand; none is lost."""
    large = blocks_of(np.broadcast_to(np.uint8(0), (10, 4000, 4000, 3)), range(10))
    assert [len(block) for block in large] == [1] * 10
    small = blocks_of(np.zeros((2500, 8, 8), np.uint8), range(2500))
    assert [len(block) for block in small] == [1024, 1024, 452]


def test_identical_pictures_in_memory_are_found(draw):
    """The same pixels in train and test are a leak, without a file being read."""
    pixels = np.concatenate([scenes(draw, (64, 64), "RGB")] * 2)
    found = tuple(
        Example(key=f"{place}", label="a", split="train" if place < 8 else "test", index=place)
        for place in range(16)
    )
    seen = look(MemorySource("held", "an array", pixels, found), size=64)
    assert [f.code for f in seen.findings if f.level == "error"] == ["S101"]
    assert isinstance(seen.pictures[0].facts, Facts)
