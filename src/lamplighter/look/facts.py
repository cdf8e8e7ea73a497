"""What one pass over a picture file leaves behind: a few kilobytes, never the picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

GREY_SIDE = 48
COLOUR_SIDE = 16


@dataclass(slots=True)
class Facts:
    """What is known of one picture; everything that could not be read keeps its default.

    Args:
        fault: "" or one of "missing", "empty", "bomb", "unreadable".
        reason: the decoder's words for the fault.
        length: of the file, bytes.
        sha256: of the file's bytes, or of the pixels of a picture held in memory.
        format: Pillow's name of the real format, "" in memory.
        mode: Pillow's mode as stored, such as "RGB", "P", "CMYK", "I;16".
        width: pixels as a viewer shows it, so after EXIF orientation.
        height: pixels, likewise.
        orientation: EXIF orientation 1–8; 1 where none is given.
        taken: EXIF time of exposure in seconds since 1970, without a zone; 0 where none is given.
        camera: EXIF maker and model.
        frames: number of pictures in the file.
        see_through: some pixel is really transparent.
        pixels: digest of the upright RGB pixels (JPEG: at the reduced size it was decoded at).
        mean: mean grey level, 0–255.
        deviation: standard deviation of the grey levels.
        detail: standard deviation of what a blur over 5 pixels of the 48-pixel grey removes.
        flat: share of pixels that equal their right and lower neighbours.
        colours: how many of the 4096 colours of a 16-level cube are needed for 98 % of the pixels.
        grey: 48×48 grey thumbnail, squashed, row by row.
        colour: 16×16 RGB thumbnail, squashed.
    """

    fault: str = ""
    reason: str = ""
    length: int = 0
    sha256: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    taken: float = 0.0
    camera: str = ""
    frames: int = 1
    see_through: bool = False
    pixels: str = ""
    mean: float = 0.0
    deviation: float = 0.0
    detail: float = 0.0
    flat: float = 0.0
    colours: int = 0
    grey: bytes = field(default=b"", repr=False)
    colour: bytes = field(default=b"", repr=False)

    @property
    def seen(self) -> bool:
        """Whether the pixels could be read."""
        return bool(self.grey)

    def grey_array(self) -> np.ndarray:
        """The grey thumbnail, uint8 [48, 48]."""
        return np.frombuffer(self.grey, np.uint8).reshape(GREY_SIDE, GREY_SIDE)

    def colour_array(self) -> np.ndarray:
        """The colour thumbnail, uint8 [16, 16, 3]."""
        return np.frombuffer(self.colour, np.uint8).reshape(COLOUR_SIDE, COLOUR_SIDE, 3)

    def pack(self) -> tuple[str, bytes]:
        """The two columns that the store keeps: JSON, and both thumbnails in one blob."""
        told: dict[str, Any] = asdict(self)
        told.pop("grey"), told.pop("colour")
        return json.dumps(told), self.grey + self.colour

    @classmethod
    def unpack(cls, told: str, thumbnails: bytes) -> Facts:
        """What `pack` gave, back again."""
        cut = GREY_SIDE * GREY_SIDE
        return cls(**json.loads(told), grey=thumbnails[:cut], colour=thumbnails[cut:])
