"""Short vectors that stay close when a picture is copied with changes.

A fingerprint holds the low frequencies of the squashed grey thumbnail, weighted against their
natural fall-off and brought to length 1, so that brightness, contrast, size, blur and compression
hardly move it. Mirroring and turning by right angles only flip signs and swap axes of a cosine
transform; a canonical pose is therefore chosen from two coefficients, and pictures whose choice is
uncertain are indexed in each likely pose. Crops are met by also fingerprinting parts of every
picture: if B is a part of A, some part of A resembles the whole of B.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from lamplighter.look.facts import GREY_SIDE

LOWEST = 8
BLOCK = 2048
LENGTH = LOWEST * LOWEST - 1
# a coefficient below this share of the whole may change its sign in a copy
UNCERTAIN = 0.12

# (top, left, height, width) of the parts that are compared with whole pictures, in shares
PARTS: tuple[tuple[float, float, float, float], ...] = (
    (0.0, 0.0, 1.0, 1.0),
    *(((1 - side) / 2, (1 - side) / 2, side, side) for side in (0.92, 0.84, 0.76, 0.68)),
    *(
        (top * (1 - side), left * (1 - side), side, side)
        for side in (0.88, 0.8, 0.72)
        for top in (0, 1)
        for left in (0, 1)
    ),
    (0.0, 0.1, 1.0, 0.8),
    (0.1, 0.0, 0.8, 1.0),
)
# transposed, upside down, mirrored (in this order): the eight symmetries of the square
POSES: tuple[tuple[bool, bool, bool], ...] = tuple(
    (bool(code & 4), bool(code & 2), bool(code & 1)) for code in range(8)
)


@dataclass(frozen=True)
class Prints:
    """Fingerprints with where each came from.

    Args:
        vectors: float32 [N, 63], each of length 1.
        owners: int32 [N], position of the picture.
        parts: int8 [N], row of `PARTS`.
        poses: int8 [N], row of `POSES` that brings the part into the pose of the vector.
    """

    vectors: np.ndarray
    owners: np.ndarray
    parts: np.ndarray
    poses: np.ndarray


def part_window(part: int) -> tuple[slice, slice]:
    """(rows, columns) of a part in the grey thumbnail."""
    top, left, height, width = PARTS[part]
    return _stretch(top, height), _stretch(left, width)


def _stretch(start: float, length: float) -> slice:
    pixels = round(length * GREY_SIDE)
    first = min(round(start * GREY_SIDE), GREY_SIDE - pixels)
    return slice(first, first + pixels)


def whole_prints(greys_NHW: np.ndarray) -> Prints:
    """Fingerprints of whole pictures, in every pose that a copy of it may end up in.

    Args:
        greys_NHW: uint8 [N, 48, 48].
    """
    coefficients = _coefficients(greys_NHW, 0)
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for pose, wanted in enumerate(_likely_poses(coefficients)):
        rows = np.flatnonzero(wanted)
        found.append((_posed(coefficients[rows], pose), rows, pose))
    vectors = np.concatenate([vectors for vectors, _, _ in found])
    owners = np.concatenate([rows for _, rows, _ in found])
    poses = np.concatenate([np.full(len(rows), pose, np.int8) for _, rows, pose in found])
    return Prints(vectors, owners.astype(np.int32), np.zeros(len(owners), np.int8), poses)


def part_prints(greys_NHW: np.ndarray, part: int) -> Prints:
    """Fingerprints of one part of every picture, each in its canonical pose.

    Args:
        greys_NHW: uint8 [N, 48, 48].
        part: row of `PARTS`; 0 is the whole picture.
    """
    coefficients = _coefficients(greys_NHW, part)
    poses = _canonical_pose(coefficients)
    vectors = np.empty((len(greys_NHW), LENGTH), np.float32)
    for pose in range(8):
        rows = np.flatnonzero(poses == pose)
        vectors[rows] = _posed(coefficients[rows], pose)
    owners = np.arange(len(greys_NHW), dtype=np.int32)
    return Prints(vectors, owners, np.full(len(owners), part, np.int8), poses)


def apply_pose(pictures_NHW: np.ndarray, pose: int) -> np.ndarray:
    """The pictures turned and mirrored as `POSES[pose]` says."""
    transposed, upside_down, mirrored = POSES[pose]
    if transposed:
        pictures_NHW = pictures_NHW.swapaxes(1, 2)
    if upside_down:
        pictures_NHW = pictures_NHW[:, ::-1]
    if mirrored:
        pictures_NHW = pictures_NHW[:, :, ::-1]
    return pictures_NHW


@cache
def _cosines(length: int) -> np.ndarray:
    """float32 [8, length]: the lowest rows of the orthonormal cosine transform."""
    places = (np.arange(length) + 0.5) / length
    rows = np.cos(np.pi * np.arange(LOWEST)[:, None] * places[None, :])
    rows[0] /= np.sqrt(2)
    return (rows * np.sqrt(2 / length)).astype(np.float32)


@cache
def _weights() -> np.ndarray:
    """float32 [8, 8]: natural pictures fall off as 1/frequency, which this undoes in part."""
    u, v = np.meshgrid(np.arange(LOWEST), np.arange(LOWEST), indexing="ij")
    weights = np.hypot(u, v) ** 0.75
    weights[0, 0] = 0
    return weights.astype(np.float32)


def _coefficients(greys_NHW: np.ndarray, part: int) -> np.ndarray:
    """float32 [N, 8, 8], length 1 over the last two axes, mean level left out."""
    rows, columns = part_window(part)
    found = np.empty((len(greys_NHW), LOWEST, LOWEST), np.float32)
    # in blocks: all thumbnails as float32 at once would be the largest thing in memory
    for start in range(0, len(greys_NHW), BLOCK):
        window = greys_NHW[start : start + BLOCK, rows, columns].astype(np.float32)
        down, across = _cosines(window.shape[1]), _cosines(window.shape[2])
        found[start : start + BLOCK] = (down @ window @ across.T) * _weights()
    lengths = np.linalg.norm(found.reshape(len(found), LOWEST * LOWEST), axis=1)
    return found / np.maximum(lengths, 1e-6)[:, None, None]


def _canonical_pose(coefficients_NUV: np.ndarray) -> np.ndarray:
    """int8 [N]: the pose in which c01 ≥ c10 ≥ 0."""
    down, across = coefficients_NUV[:, 1, 0], coefficients_NUV[:, 0, 1]
    transposed = np.abs(down) > np.abs(across)
    upside_down = np.where(transposed, across, down) < 0
    mirrored = np.where(transposed, down, across) < 0
    return (4 * transposed + 2 * upside_down + mirrored).astype(np.int8)


def _likely_poses(coefficients_NUV: np.ndarray) -> np.ndarray:
    """bool [8, N]: the canonical pose, and those that a small change could make canonical."""
    down, across = coefficients_NUV[:, 1, 0], coefficients_NUV[:, 0, 1]
    wanted = np.zeros((8, len(down)), bool)
    for pose, (transposed, upside_down, mirrored) in enumerate(POSES):
        first, second = (down, across) if transposed else (across, down)
        size_fits = np.abs(first) > np.abs(second) - UNCERTAIN
        across_fits = np.where(mirrored, -first, first) > -UNCERTAIN / 2
        down_fits = np.where(upside_down, -second, second) > -UNCERTAIN / 2
        wanted[pose] = size_fits & across_fits & down_fits
    return wanted


def _posed(coefficients_NUV: np.ndarray, pose: int) -> np.ndarray:
    """float32 [N, 63]: the fingerprint of the same pictures after `apply_pose`."""
    transposed, upside_down, mirrored = POSES[pose]
    turned = coefficients_NUV.swapaxes(1, 2) if transposed else coefficients_NUV
    signs = np.ones((LOWEST, LOWEST), np.float32)
    if upside_down:
        signs[1::2] *= -1
    if mirrored:
        signs[:, 1::2] *= -1
    return (turned * signs).reshape(len(turned), LOWEST * LOWEST)[:, 1:]
