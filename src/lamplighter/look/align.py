"""Do two thumbnails show the same picture? They are laid on each other, then compared.

One is moved, scaled and sheared onto the other by a few Gauss–Newton steps on the grey levels
(gain and offset fitted along), for many pairs at once. What decides is how well the fine detail
agrees afterwards: two pictures of the same sky agree in their coarse levels, copies in both.

Source: Lucas and Kanade, "An iterative image registration technique", 1981.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from lamplighter.look.flat import SIDE, blurred, correlation
from lamplighter.look.outline import inner_agreement

STEPS = 7
# most candidates are no copies; two steps are enough to see that
HASTY_STEPS = 2
HOPELESS = 0.3
# below this no pair counts as a copy, whatever else agrees
WORTHY = 0.8
LEAST_OVERLAP = 0.7
# detail weaker than this share of the picture's own contrast is noise and is not brought up
FAINT = 0.08
# of two pictures one of which may bear a stamp, the share of the area that may disagree
COVERED = 1 / 8
# steps over all of the picture, then as many over what does not disagree
OPEN_STEPS = 4
# how much the scale may still differ after the best part was chosen
MOST_STRETCH = 1.35


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well pairs of pictures agree, float32 [N] each.

    Args:
        fine: correlation of the fine detail, −1…1; −1 where the two could not be laid on each other.
        texture: share of the pair's poorer picture that has detail at all, 0…1; a silhouette on
            an even sky has little.
        inner: the same correlation with the outlines taken out; −1 where `fine` is below `WORTHY`.
        share: how much of the detail is left then, 0…1.
    """

    fine: np.ndarray
    texture: np.ndarray
    inner: np.ndarray
    share: np.ndarray


@cache
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """float32 [SIDE²] each: x and y of every pixel, −1…1."""
    line = (np.arange(SIDE, dtype=np.float32) + 0.5) * (2 / SIDE) - 1
    x, y = np.meshgrid(line, line)
    return x.ravel(), y.ravel()


@cache
def shrink_matrix(side: int) -> np.ndarray:
    """float32 [SIDE, side]: area-weighted resizing of a line of `side` pixels to SIDE."""
    scale = side / SIDE
    reach = max(1.0, scale)
    centres = (np.arange(SIDE) + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(side)[None, :]) / reach)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def shrink(pictures_NHW: np.ndarray) -> np.ndarray:
    """float32 [N, SIDE, SIDE] of thumbnails of any size."""
    down, across = (shrink_matrix(side) for side in pictures_NHW.shape[1:])
    return down @ pictures_NHW.astype(np.float32) @ across.T


def agreement(ours_NHW: np.ndarray, theirs_NHW: np.ndarray) -> Agreement:
    """How well the fine detail of each pair agrees after alignment.

    Args:
        ours_NHW: float32 [N, 32, 32].
        theirs_NHW: float32 [N, 32, 32], roughly the same view already.
    """
    count = len(ours_NHW)
    ours = ours_NHW.reshape(count, SIDE * SIDE)
    theirs = theirs_NHW.reshape(count, SIDE * SIDE)
    texture = np.minimum((_detail(ours) ** 2).mean(axis=1), (_detail(theirs) ** 2).mean(axis=1))
    fine, inner = np.full((2, count), -1, np.float32)
    share = np.zeros(count, np.float32)
    warp = np.zeros((count, 6), np.float32)
    rows = np.arange(count)
    for steps, least in ((HASTY_STEPS, HOPELESS), (STEPS - HASTY_STEPS, WORTHY)):
        a, b, moves = ours[rows], theirs[rows], warp[rows]
        level_a, level_b = _levelled(a), _levelled(b)
        for _ in range(steps):
            seen, inside = _moved(level_b, moves)
            moves += _step(level_a, seen, inside)
        np.clip(moves, -1, 1, out=moves)
        seen, inside = _moved(b, moves)
        found = correlation(_detail(a), _detail(seen), inside)
        warp[rows] = moves
        sound = (inside.mean(axis=1) >= LEAST_OVERLAP) & _gentle(moves)
        fine[rows] = np.where(sound, found, -1)
        kept = found > least
        rows = rows[kept]
        if not len(rows):
            break
    else:
        inner[rows], share[rows] = inner_agreement(a[kept], seen[kept], inside[kept])
    return Agreement(fine, texture, inner, share)


def agreement_beside(ours_NHW: np.ndarray, theirs_NHW: np.ndarray) -> np.ndarray:
    """How well each pair agrees beside the eighth of the area that disagrees most.

    A stamp or a caption covers a part of one picture; it would lead the alignment astray and spoil
    the correlation. Leaving out what disagrees flatters every pair, so more has to be asked.

    Args:
        ours_NHW, theirs_NHW: as for `agreement`.

    Returns:
        float32 [N], correlation of the fine detail; −1 where the two could not be laid on each other.
    """
    ours = ours_NHW.reshape(len(ours_NHW), SIDE * SIDE)
    theirs = theirs_NHW.reshape(ours.shape)
    level_a, level_b = _levelled(ours), _levelled(theirs)
    warp = np.zeros((len(ours), 6), np.float32)
    for step in range(2 * OPEN_STEPS):
        seen, inside = _moved(level_b, warp)
        if step >= OPEN_STEPS:
            inside = inside * _agreeing(level_a, seen, inside)
        warp += _step(level_a, seen, inside)
    np.clip(warp, -1, 1, out=warp)
    seen, inside = _moved(theirs, warp)
    a, b = _detail(ours), _detail(seen)
    found = correlation(a, b, inside * _agreeing(a, b, inside))
    sound = (inside.mean(axis=1) >= LEAST_OVERLAP) & _gentle(warp)
    told: np.ndarray = np.where(sound, found, -1).astype(np.float32)
    return told


def _agreeing(ours_NP: np.ndarray, theirs_NP: np.ndarray, inside_NP: np.ndarray) -> np.ndarray:
    """bool [N, P]: all but the places where the two differ most."""
    apart = blurred(np.abs(ours_NP - theirs_NP) * inside_NP, 2)
    kept: np.ndarray = apart <= np.quantile(apart, 1 - COVERED, axis=1, keepdims=True)
    return kept


def _levelled(flat_NP: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1: a large common level would drown the steps in their own ridge."""
    centred = flat_NP - flat_NP.mean(axis=1, keepdims=True)
    return centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-3)


def _moved(theirs_NP: np.ndarray, warp_N6: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the other pictures seen through the warp, float32 [N, P]; whether inside, float32)."""
    x, y = _grid()
    w = warp_N6[:, :, None]
    column = ((x + w[:, 0] + w[:, 1] * x + w[:, 2] * y) + 1) * (SIDE / 2) - 0.5
    row = ((y + w[:, 3] + w[:, 4] * x + w[:, 5] * y) + 1) * (SIDE / 2) - 0.5
    inside = (column > -0.5) & (column < SIDE - 0.5) & (row > -0.5) & (row < SIDE - 0.5)
    np.clip(column, 0, SIDE - 1.001, out=column)
    np.clip(row, 0, SIDE - 1.001, out=row)
    left, top = column.astype(np.int32), row.astype(np.int32)
    across, down = column - left, row - top
    place = top * SIDE + left
    upper = np.take_along_axis(theirs_NP, place, 1) * (1 - across)
    upper += np.take_along_axis(theirs_NP, place + 1, 1) * across
    lower = np.take_along_axis(theirs_NP, place + SIDE, 1) * (1 - across)
    lower += np.take_along_axis(theirs_NP, place + SIDE + 1, 1) * across
    return upper * (1 - down) + lower * down, inside.astype(np.float32)


def _step(ours_NP: np.ndarray, moved_NP: np.ndarray, inside_NP: np.ndarray) -> np.ndarray:
    """float32 [N, 6]: one Gauss–Newton step, limited to what a linear model can be trusted with."""
    x, y = _grid()
    square = moved_NP.reshape(len(moved_NP), SIDE, SIDE)
    down, across = (slope.reshape(moved_NP.shape) for slope in np.gradient(square, axis=(1, 2)))
    across, down = across * (SIDE / 2), down * (SIDE / 2)
    ones = np.ones_like(moved_NP)
    columns = np.stack(
        [across, across * x, across * y, down, down * x, down * y, moved_NP, ones], axis=1
    )
    weighted = columns * inside_NP[:, None]
    normal = weighted @ columns.swapaxes(1, 2)
    right = weighted @ ours_NP[:, :, None]
    # a ridge relative to each unknown keeps flat pictures from flying away
    diagonal = np.einsum("nii->ni", normal)
    normal += np.eye(8, dtype=np.float32) * (0.01 * diagonal + 1e-3)[:, None, :]
    found = np.linalg.solve(normal, right)[:, :, 0]
    gain = np.where(np.abs(found[:, 6:7]) < 0.2, 0.2, found[:, 6:7])
    return np.clip(found[:, :6] / gain, -0.12, 0.12).astype(np.float32)


def _gentle(warp_N6: np.ndarray) -> np.ndarray:
    """bool [N]: whether the warp is a plausible trim rather than a distortion."""
    linear = warp_N6[:, [1, 2, 4, 5]].reshape(len(warp_N6), 2, 2) + np.eye(2, dtype=np.float32)
    stretch = np.linalg.svd(linear, compute_uv=False)
    return (stretch[:, 0] < MOST_STRETCH) & (stretch[:, 1] > 1 / MOST_STRETCH)


def _detail(flat_NP: np.ndarray) -> np.ndarray:
    """What a 5×5 box blur removes, brought to about the same strength everywhere.

    Without the evening out a frame, a horizon or one silhouette against the sky would decide
    alone, and pictures of different things share those.
    """
    fine = flat_NP - blurred(flat_NP, 2)
    strength = np.sqrt(np.maximum(blurred(fine * fine, 3), 0))
    faint = FAINT * flat_NP.std(axis=1, keepdims=True) + 0.5
    return fine / (strength + faint)
