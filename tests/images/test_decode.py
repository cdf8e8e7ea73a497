"""Pictures are read in one way, and what cannot be read says why."""

from __future__ import annotations

import csv
import os
import struct
import threading
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.errors import DataError
from lamplighter.images.decode import UPRIGHT, read_picture, to_mode

SHARED = (
    Path(os.environ["LAMPLIGHTER_TEST_DATA"]) if "LAMPLIGHTER_TEST_DATA" in os.environ else None
)
needs_shared = pytest.mark.skipif(SHARED is None, reason="real pictures are not on this machine")


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    held = BytesIO()
    picture.save(held, kind, **options)
    return held.getvalue()


def arrow() -> Image.Image:
    """A picture that no turn and no mirror leaves as it is."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, :, 0], pixels[:, 0, 1], pixels[3, 5] = 200, 100, (9, 99, 199)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    """A picture stored turned or mirrored comes out upright, and only once."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = back.get(orientation, UPRIGHT.get(orientation))
    stored = arrow() if turn is None else arrow().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_picture(saved(stored, "PNG", exif=exif))
    assert np.array_equal(np.asarray(read), np.asarray(arrow()))
    assert read.getexif().get(0x0112, 1) == 1


def test_draft_never_below_wanted() -> None:
    """A drafted JPEG is smaller than the file and no smaller than asked, also when turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.new("RGB", (1600, 800), "red"), "JPEG", exif=exif)
    read = read_picture(content, draft=(150, 300))
    assert read.size == (200, 400)
    assert read_picture(content).size == (800, 1600)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"\0\0\0\x18ftypheic\0\0", "HEIC"),
        (b"plain words, not pixels", "not a picture"),
        (saved(Image.effect_noise((99, 99), 9), "JPEG")[:-900], "cut off"),
        (saved(Image.new("L", (300, 300)), "PNG"), "90000 pixels|300 × 300 pixels are too many"),
    ],
)
def test_reasons(content: bytes, reason: str) -> None:
    """What cannot be read is named with its reason."""
    with pytest.raises(DataError, match=reason) as caught:
        read_picture(content, name="x.jpg", max_pixels=50_000)
    assert caught.value.where == "x.jpg"


def test_bomb_is_not_decoded() -> None:
    """A header that promises billions of pixels is refused before a byte of them is made."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    with pytest.raises(DataError, match="too many"):
        read_picture(b"\x89PNG\r\n\x1a\n" + header + body)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(DataError, match="no such file"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(DataError, match="folder"):
        read_picture(tmp_path)


def test_first_frame() -> None:
    """Of an animation the first frame is taken."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert to_mode(read_picture(content), 3).getpixel((1, 1)) == (254, 0, 0) or to_mode(
        read_picture(content), 3
    ).getpixel((1, 1)) == (255, 0, 0)


def test_alpha_on_white() -> None:
    """Transparency becomes white, half of it half white, in colour and in grey."""
    clear, half = Image.new("RGBA", (1, 1), (9, 9, 9, 0)), Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert to_mode(clear, 3).getpixel((0, 0)) == (255, 255, 255)
    assert to_mode(clear, 1).getpixel((0, 0)) == 255
    assert to_mode(half, 1).getpixel((0, 0)) == 127
    assert to_mode(Image.new("LA", (1, 1), (0, 0)), 3).getpixel((0, 0)) == (255, 255, 255)


def test_palette_with_transparency() -> None:
    """A transparent palette entry becomes white, the others keep their colours."""
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    read = to_mode(read_picture(saved(picture, "PNG", transparency=0)), 3)
    assert [read.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (40, 50, 60)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 257, 32896, 65535]], np.uint16), [0, 1, 128, 255]),
        (np.array([[0, 65535]], np.int32), [0, 255]),
        (np.array([[0, 200]], np.int32), [0, 200]),
        (np.array([[0.0, 0.5, 1.0, np.nan]], np.float32), [0, 128, 255, 0]),
        (np.array([[0.0, 127.6, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
    ],
)
def test_deep_grey_is_scaled(values: np.ndarray, expected: list[int]) -> None:
    """16-bit, integer and float grey is scaled to 8 bits, not clipped."""
    picture = to_mode(Image.fromarray(values), 1)
    assert np.asarray(picture).tolist() == [expected]


def test_sixteen_bit_file() -> None:
    """A 16-bit PNG comes out in proportion."""
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None]
    read = to_mode(read_picture(saved(Image.fromarray(ramp), "PNG")), 3)
    assert np.abs(np.asarray(read)[0, :, 1].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX", "LAB", "RGBa", "La"]
)
def test_every_mode(mode: str) -> None:
    """Whatever the mode, white stays white in RGB and in grey."""
    white = Image.new("RGB", (3, 2), "white")
    if mode == "LAB":
        picture = Image.new("LAB", (3, 2), (255, 128, 128))
    elif mode in ("RGBa", "La"):
        picture = white.convert("RGBA" if mode == "RGBa" else "LA").convert(mode)
    else:
        picture = white.convert(mode)
    for channels, expected in ((3, (3, 2, 3)), (1, (3, 2, 1))):
        read = to_mode(picture, channels)
        assert (*read.size, len(read.getbands())) == expected
        assert np.asarray(read).min() >= 254


def test_warnings_do_not_leak_from_threads() -> None:
    """Odd files read by many threads at once warn nobody and leave the filters as they were."""
    odd = Image.new("P", (2, 1))
    odd.putpalette([1, 2, 3] * 4)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x09broken"
    content = saved(Image.new("RGB", (8, 8)), "JPEG", exif=exif)
    before = list(warnings.filters)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                to_mode(read_picture(content), 3)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert list(warnings.filters) == before


@needs_shared
def test_real_messy_pictures() -> None:
    """Each odd picture of a real collection opens, or is refused where Pillow refuses it."""
    assert SHARED is not None
    with (SHARED / "messy" / "MANIFEST.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path = SHARED / "messy" / row["path"]
        # Pillow refuses to convert LAB by itself; with its colour profiles it can be done
        if row["pillow_error"] and row["path"] != "hopper.Lab.tif":
            with pytest.raises(DataError):
                read_picture(path)
            continue
        picture = read_picture(path)
        for channels in (1, 3):
            read = to_mode(picture, channels)
            assert (read.mode, read.size) == ("RGB" if channels == 3 else "L", picture.size)
    assert len(rows) > 100


@needs_shared
def test_real_orientations() -> None:
    """Nine photographs of one scene, stored in nine ways, come out the same."""
    assert SHARED is not None
    for shape in ("Landscape", "Portrait"):
        paths = [SHARED / "exif_orientation" / f"{shape}_{number}.jpg" for number in range(1, 9)]
        small = [
            np.asarray(to_mode(read_picture(path), 1).resize((32, 32)), dtype=float)
            for path in paths
        ]
        assert max(np.abs(small[0] - other).mean() for other in small[1:]) < 12
