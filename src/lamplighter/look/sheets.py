"""Contact sheets as PNG: a class at a glance, and what the network is really given.

Sheets are uint8 arrays [H, W, 3], so that they go into a file, a page or TensorBoard alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lamplighter.errors import LamplighterError, UsageError
from lamplighter.look.page import open_small

if TYPE_CHECKING:
    import torch

    from lamplighter.data.example import Example, Source
    from lamplighter.images.augment import Augment
    from lamplighter.images.preprocess import Preprocess
    from lamplighter.look.verdict import Look

CELL = 128
GAP = 4
CAPTION = 14
PER_CLASS = 48
COLUMNS = 8
PAPER = 245


def contact_sheet(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str] = (),
    *,
    columns: int = COLUMNS,
    cell: int = CELL,
) -> np.ndarray:
    """Pictures in rows, each fitted into a square cell, with a line of text below.

    Args:
        pictures: uint8 arrays [H, W, 3] or [H, W, 1] or [H, W], any sizes.
        captions: a text per picture, or none at all.
        columns: pictures per row.
        cell: side of a cell, pixels.

    Returns:
        uint8 [H, W, 3].
    """
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    tall = cell + GAP + (CAPTION if captions else 0)
    sheet = Image.new("RGB", (columns * (cell + GAP) + GAP, rows * tall + GAP), (PAPER,) * 3)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(10)
    for place, picture in enumerate(pictures):
        left, top = (place % columns) * (cell + GAP) + GAP, (place // columns) * tall + GAP
        small = _fitted(picture, cell)
        sheet.paste(small, (left + (cell - small.width) // 2, top + (cell - small.height) // 2))
        if captions:
            text = _short(captions[place], draw, font, cell)
            draw.text((left, top + cell), text, fill=(60, 60, 60), font=font)
    return np.asarray(sheet)


def _fitted(picture: np.ndarray, cell: int) -> Image.Image:
    array = np.squeeze(picture, 2) if picture.ndim == 3 and picture.shape[2] == 1 else picture
    image = Image.fromarray(np.ascontiguousarray(array)).convert("RGB")
    factor = cell / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    # small pictures keep their pixels visible: enlarging must not look like detail
    method = Image.Resampling.NEAREST if factor > 2 else Image.Resampling.LANCZOS
    return image.resize(size, method)


def _short(
    text: str,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    """The end of a text that fits: names of files differ there."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    while len(plain) > 4 and draw.textlength(plain, font=font) > width:
        plain = "…" + plain[2:]
    return plain


def denormalised(images_BCHW: torch.Tensor, preprocess: Preprocess) -> list[np.ndarray]:
    """What a network is given, for the eye: float [B, C, H, W] → uint8 arrays [H, W, C]."""
    import torch

    scale, shift = preprocess.scale_and_shift(images_BCHW.device)
    levels = ((images_BCHW.detach().float() - shift) / scale).round_().clamp_(0, 255)
    return list(levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def training_sheet(
    source: Source,
    examples: Sequence[Example],
    preprocess: Preprocess,
    augment: Augment,
    *,
    seed: int = 0,
    captions: bool = True,
) -> np.ndarray:
    """A batch as training sees it, after augmentation, de-normalised for the eye.

    Args:
        source: opens the pictures.
        examples: of the batch; those that cannot be read are left out.
        preprocess: size, fit and normalisation.
        augment: the policy.
        seed: of the random parameters.
        captions: whether labels stand below.

    Returns:
        uint8 [H, W, 3].
    """
    import torch

    from lamplighter.images.augment import apply, canvas, draw

    canvases, aspects, labels = [], [], []
    for example in examples:
        try:
            image = source.open(example)
        except LamplighterError:
            continue
        canvases.append(torch.from_numpy(canvas(image, preprocess, augment).copy()))
        # only a canvas that was squashed has another aspect than its picture
        squashed = augment.crop == "resized" and preprocess.fit != "pad"
        aspects.append(image.width / image.height if squashed else 1.0)
        labels.append(str(example.label))
    images = torch.stack(canvases).permute(0, 3, 1, 2)
    parameters = draw(augment, len(images), torch.Generator().manual_seed(seed))
    varied = apply(images, parameters, torch.tensor(aspects), augment, preprocess)
    return contact_sheet(denormalised(varied, preprocess), labels if captions else ())


def validation_sheet(
    source: Source, examples: Sequence[Example], preprocess: Preprocess, *, captions: bool = True
) -> np.ndarray:
    """Pictures as validation and predict see them, uint8 [H, W, 3]."""
    squares, labels = [], []
    for example in examples:
        try:
            squares.append(preprocess.square(source.open(example)))
        except LamplighterError:
            continue
        labels.append(str(example.label))
    return contact_sheet(squares, labels if captions else ())


def class_sheets(look: Look, *, most: int = PER_CLASS) -> dict[str, np.ndarray]:
    """class → a sheet of its pictures, evenly spread, whole and upright."""
    by_class: dict[str, list] = {}
    for picture in look.pictures:
        if picture.facts.seen:
            by_class.setdefault(picture.label, []).append(picture)
    sheets = {}
    for name, members in sorted(by_class.items()):
        chosen = [
            members[i]
            for i in np.linspace(0, len(members) - 1, min(most, len(members))).astype(int)
        ]
        opened = [(picture, open_small(look, picture, CELL)) for picture in chosen]
        shown = [(picture.key, np.asarray(small)) for picture, small in opened if small is not None]
        if shown:
            sheets[name] = contact_sheet([s for _, s in shown], [key for key, _ in shown])
    return sheets


def write_sheet(sheet_HWC: np.ndarray, path: str | Path) -> Path:
    """Writes a sheet as PNG.

    Raises:
        UsageError: the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet_HWC).save(target, "PNG")
    except OSError as error:
        raise UsageError(
            f"the sheet cannot be written: {error.strerror or error}",
            where=target,
            fix="name another folder",
        ) from error
    return target


def write_class_sheets(
    look: Look, folder: str | Path, *, size: int = 224, fit: str = "crop"
) -> list[Path]:
    """A contact sheet per class, one of a training batch and one of validation, in a folder.

    Args:
        look: what to show.
        folder: made if missing.
        size, fit: of the network's input, for the last two sheets.

    Returns:
        The files.

    Raises:
        UsageError: a file cannot be written.
    """
    from lamplighter.images.augment import policy
    from lamplighter.look.page import preprocess_of

    written: list[Path] = []
    for name, sheet in class_sheets(look).items():
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "pictures"
        target = Path(folder) / f"class-{plain}.png"
        if target in written:
            target = Path(folder) / f"class-{plain}-{len(written)}.png"
        written.append(write_sheet(sheet, target))
    preprocess = preprocess_of(size, fit)
    rng = np.random.default_rng(0)
    for name, splits in (("training", ("train", "all")), ("validation", ("val", "test", "all"))):
        split = next((s for s in splits if s in look.splits), next(iter(look.splits)))
        readable = [p.example for p in look.pictures if p.split == split and p.facts.seen]
        some = [readable[i] for i in sorted(rng.permutation(len(readable))[:32])]
        if not some:
            continue
        sheet = (
            training_sheet(look.source, some, preprocess, policy("light", size))
            if name == "training"
            else validation_sheet(look.source, some, preprocess)
        )
        written.append(write_sheet(sheet, Path(folder) / f"{name}.png"))
    return written
