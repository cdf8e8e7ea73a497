"""Pictures held in memory are measured in blocks, to the same figures as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lamplighter.data.example import Example
from lamplighter.data.memory import MemorySource, digest_of_pixels
from lamplighter.look.facts import Facts
from lamplighter.look.figures import resize
from lamplighter.look.held import blocks_of, measure_block
from lamplighter.look.measure import measure_files, measure_picture
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


def test_files_read_together_say_what_each_says_alone(draw, tmp_path):
    """Small pictures of several sizes, a large one and a broken one keep their places."""
    sides = [(32, 32), (64, 48), (32, 32), (400, 300), (32, 32)]
    paths = [tmp_path / f"{number}.png" for number in range(len(sides))]
    for number, (path, side) in enumerate(zip(paths, sides, strict=True)):
        draw(number, *side).save(path)
    paths[2].write_bytes(b"no picture")
    together = measure_files(paths)
    assert [facts.fault for facts in together] == ["", "", "unreadable", "", ""]
    for facts, path in zip(together, paths, strict=True):
        if facts.fault:
            continue
        with Image.open(path) as picture:
            alone = measure_picture(picture.copy(), facts.sha256)
        assert (facts.width, facts.height, facts.pixels) == (
            alone.width,
            alone.height,
            alone.pixels,
        )
        for name, most in FIGURES.items():
            assert abs(getattr(facts, name) - getattr(alone, name)) <= most, name
        assert apart(facts.grey_array(), alone.grey_array()) <= 3
