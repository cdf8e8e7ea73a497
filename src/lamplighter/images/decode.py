"""File or bytes → an upright Pillow picture → RGB or grey, on purpose and in one way only.

Training, validation, `predict` and `serve` all come through here, so that the same file always
gives the same pixels.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from lamplighter.errors import DataError

# Listed, because Pillow would otherwise try every plug-in it has (Ghostscript among them) on a
# stranger's file. MPO is what many phones write under the name .jpg.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
ENDINGS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".apng",
        ".gif",
        ".bmp",
        ".dib",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".j2k",
        ".avif",
    ]
)
# Pillow's own limit for "certainly a decompression bomb": twice its warning limit.
MAX_PIXELS = 178_956_970

ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNED = (5, 6, 7, 8)


def read_picture(
    source: str | Path | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    draft: tuple[int, int] | None = None,
    name: str = "",
) -> Image.Image:
    """Decodes one picture: first frame, upright, its mode untouched.

    Args:
        source: a file, or the bytes of one.
        max_pixels: width × height above which nothing is decoded; at most `MAX_PIXELS`.
        draft: smallest (width, height) in pixels that the caller needs; a JPEG may then be decoded
            at 1/2, 1/4 or 1/8 of its size, never below this. Other formats ignore it.
        name: what errors call it when `source` is bytes.

    Returns:
        A plain picture that holds no open file and no orientation any more.

    Raises:
        DataError: unreadable; `where` is the file, the message is the reason.
    """
    where = (name or "picture") if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read_bytes(source, where)
    if not content:
        raise DataError("the file is empty (0 bytes); expected a picture", where=where)
    try:
        with _quiet_pillow(), Image.open(BytesIO(content), formats=_formats()) as opened:
            _refuse_bomb(opened.size, max_pixels, where)
            return _decode(opened, draft)
    except DataError:
        raise
    except Exception as error:
        raise DataError(_reason(error, content), where=where) from error


def to_mode(picture: Image.Image, channels: int) -> Image.Image:
    """Brings a picture of any mode to RGB (3 channels) or grey (1 channel), 8 bits each.

    Transparency is laid on white; 16-bit grey is scaled (65535 → 255), not clipped; CMYK, YCbCr
    and LAB are converted. Modes without a fixed range (I, F) are read by their values: up to 1
    (F only) as fractions, up to 255 as 8 bit, up to 65535 as 16 bit, beyond that stretched.

    Args:
        picture: what `read_picture` returned.
        channels: 3 or 1.

    Raises:
        DataError: the mode cannot be converted.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is 1 or 3, got {channels}")
    wanted = "RGB" if channels == 3 else "L"
    if picture.mode == wanted and "transparency" not in picture.info:
        return picture
    try:
        with _quiet_pillow():
            return _on_white(picture).convert(wanted)
    except Exception as error:
        raise DataError(
            f"a picture of mode {picture.mode} cannot be brought to {wanted}: {error}",
            fix="save it as an ordinary PNG or JPEG",
        ) from error


def _read_bytes(path: str | Path, where: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise DataError("there is no such file", where=where) from error
    except IsADirectoryError as error:
        raise DataError("this is a folder; expected a picture", where=where) from error
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror or error}", where=where
        ) from error


def _formats() -> tuple[str, ...]:
    """The wanted formats that this Pillow was built with."""
    if not _formats_found:
        Image.init()
        _formats_found.extend(name for name in FORMATS if name in Image.OPEN)
    return tuple(_formats_found)


_formats_found: list[str] = []


def _refuse_bomb(size: tuple[int, int], max_pixels: int, where: str) -> None:
    if size[0] * size[1] > max_pixels:
        raise DataError(
            f"{size[0]} × {size[1]} pixels are too many; the limit is {max_pixels:,}",
            where=where,
            fix="make it smaller, or leave it out",
        )


def _decode(opened: ImageFile.ImageFile, draft: tuple[int, int] | None) -> Image.Image:
    if draft is not None and opened.format in ("JPEG", "MPO"):
        width, height = draft
        opened.draft(None, (height, width) if _orientation(opened) in TURNED else (width, height))
    opened.load()
    turn = UPRIGHT.get(_orientation(opened))
    # copy() and transpose() both leave a plain picture, free of the file and its frames
    picture = opened.copy() if turn is None else opened.transpose(turn)
    for stale in ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
        picture.info.pop(stale, None)
    return picture


def _orientation(opened: Image.Image) -> int:
    try:
        value = opened.getexif().get(ORIENTATION, 1)
        return int(value) if isinstance(value, int) else 1
    except Exception:
        # damaged EXIF says nothing about the pixels, which are sound
        return 1


def _on_white(picture: Image.Image) -> Image.Image:
    """The picture in RGB or L, its transparency laid on white."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return _eight_bits(picture)
    if mode in ("La", "RGBa"):
        picture = picture.convert("LA" if mode == "La" else "RGBA")
    if mode == "LAB":
        return _from_lab(picture)
    if picture.has_transparency_data:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, above).convert("RGB")
    if mode in ("1", "L"):
        return picture.convert("L")
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    raw = np.asarray(picture)
    values = np.nan_to_num(raw.astype(np.float64), nan=0.0)
    top = 65535.0 if picture.mode.startswith("I;16") else _range_of(picture.mode, values)
    if top is None:
        low, high = values.min(), values.max()
        values, top = values - low, max(high - low, 1.0)
    grey = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey[raw == clear] = 255
    return Image.fromarray(grey)


def _range_of(mode: str, values: np.ndarray) -> float | None:
    """The value that means white, as far as the numbers tell; None: no known range."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low < 0:
        return None
    if mode == "F" and high <= 1.0:
        return 1.0
    return next((top for top in (255.0, 65535.0) if high <= top), None)


def _from_lab(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert converted is not None  # only None when converting in place
    return converted


def _reason(error: Exception, content: bytes) -> str:
    """A foreign exception in plain words."""
    text = str(error)
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels: {text}"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture: {_looks_like(content)}"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"the file is cut off: it ends before the picture does ({text})"
    return f"the picture is damaged: {text or type(error).__name__}"


def _looks_like(content: bytes) -> str:
    head = content[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html")):
        return "the file holds a web page (a failed download?)"
    if head.startswith((b"<svg", b"<?xml")):
        return "the file holds an SVG or XML text; expected pixels"
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "the file is HEIC, which Pillow does not read; convert it to JPEG"
    if head.startswith(b"version https://git-lfs"):
        return "the file is a Git LFS pointer; fetch the real one with git lfs pull"
    return f"the file begins with {content[:8]!r}, or its header is damaged"


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_filters: warnings.catch_warnings[None] | None = None


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Pillow's warnings about odd files are silenced: what matters becomes a DataError.

    `catch_warnings` swaps a global of the process, so that threads that decode at the same time
    share one swap: the first enters it, the last leaves it.
    """
    global _quiet_depth, _quiet_filters
    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_filters is not None:
                _quiet_filters.__exit__(None, None, None)
