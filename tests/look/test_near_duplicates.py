"""Copies with changes are found, other pictures are not, and the work stays bounded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lamplighter.look.align import agreement, agreement_beside, shrink
from lamplighter.look.fingerprints import POSES, apply_pose, part_prints, whole_prints
from lamplighter.look.flat import SIDE
from lamplighter.look.likeness import ALIKE, usual_likeness
from lamplighter.look.measure import measure_picture
from lamplighter.look.near import (
    LEAST_BESIDE,
    groups_of,
    near_duplicates,
    needed,
    needed_inside,
)
from lamplighter.look.neighbours import FEW, Index
from lamplighter.look.outline import inner_agreement

sys.path.insert(0, str(Path(__file__).parent))
from changed import CHANGES

COUNT = 30
# of 30 drawn scenes each; measured on 397 photographs, see docs/look.md
# a stamp over a twentieth of the picture is the weak spot
LEAST_RECALL = {"stamped": 0.6}


def greys(pictures) -> np.ndarray:
    """The grey thumbnails of pictures, uint8 [N, 48, 48]."""
    return np.stack([measure_picture(picture, "").grey_array() for picture in pictures])


@pytest.fixture(scope="module")
def scenes():
    """Thirty different scenes and their thumbnails."""
    from conftest import photograph

    pictures = [photograph(seed) for seed in range(COUNT)]
    return pictures, greys(pictures)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_copy_is_found(kind, scenes):
    """Of each kind of change nearly all copies are paired with their originals, and nothing else."""
    pictures, thumbnails = scenes
    copies = greys([CHANGES[kind](picture) for picture in pictures])
    pairs, alike = near_duplicates(np.concatenate([thumbnails, copies]))
    right = {(pair.ours, pair.theirs) for pair in pairs if pair.theirs - pair.ours == COUNT}
    assert not alike
    assert len(right) == len(pairs)
    assert len(right) >= LEAST_RECALL.get(kind, 0.95) * COUNT


def test_different_pictures_are_no_pairs(scenes):
    """Scenes that share nothing give no pair."""
    assert near_duplicates(scenes[1]) == ([], False)


def test_pictures_without_content_are_left_out():
    """Even areas agree with everything and therefore say nothing."""
    flat = np.full((5, 48, 48), 90, np.uint8)
    assert near_duplicates(flat) == ([], False)


def strokes(count: int) -> np.ndarray:
    """Hand-drawn lines from top to bottom, uint8 [N, 48, 48]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48] / 48.0

    def stroke() -> np.ndarray:
        bends = sum(
            rng.normal(0, 0.06 / k) * np.sin(np.pi * k * (y + rng.random())) for k in (1, 2, 3)
        )
        width = rng.uniform(0.04, 0.08)
        return 230 * np.exp(-(((x - 0.5 - bends) / width) ** 2))

    return np.stack([stroke() for _ in range(count)]).astype(np.uint8)


def test_pictures_alike_by_nature_are_no_copies():
    """Where most pictures look alike, look-alikes are no finding."""
    assert near_duplicates(strokes(200)) == ([], True)


def test_random_pairs_tell_a_set_that_is_alike_by_nature(scenes):
    """Strokes resemble each other, scenes do not, and copies of every scene change nothing."""
    thumbnails = scenes[1]
    mirrored = np.ascontiguousarray(thumbnails[:, :, ::-1])
    assert usual_likeness(strokes(100)) > 2 * ALIKE
    assert usual_likeness(thumbnails) < ALIKE / 1.5
    assert usual_likeness(np.concatenate([thumbnails, mirrored])) < ALIKE / 1.5
    assert usual_likeness(thumbnails[:4]) == 0.0


def test_changes_of_level_do_not_lead_the_alignment_astray(scenes):
    """A bright picture of little contrast lies on its original as well as an unchanged copy."""
    faint = (0.25 * scenes[1].astype(np.float32) + 180).round().astype(np.uint8)
    assert agreement(shrink(scenes[1]), shrink(faint)).fine.min() > 0.9


def test_more_is_asked_of_small_pictures():
    """The bar falls with texture, and is higher for pictures of fewer pixels than the thumbnail."""
    texture = np.array([0.2, 0.3, 0.5])
    assert (np.diff(needed(texture)) < 0).all()
    assert (needed(texture, True) > needed(texture)).all()
    assert needed(np.zeros(1), True) == 0.99


def test_one_outline_around_different_things_is_no_copy():
    """Scenes cut out by one wing agree in nearly all detail, and in nothing once it is taken out."""
    y, x = np.mgrid[:32, :32] / 32
    wing = (np.abs(y - 0.5) < 0.3 * (1 - x)) & (np.abs(y - 0.5) > 0.15 * (0.6 - x))
    rng = np.random.default_rng(0)
    liveries = 90 + 8 * rng.normal(size=(2, 40, 32, 32))
    copies = np.where(wing, liveries[0], 220).reshape(40, -1).astype(np.float32)
    others = np.where(wing, liveries[1], 220).reshape(40, -1).astype(np.float32)
    everywhere = np.ones_like(copies)
    assert np.corrcoef(copies[0], others[0])[0, 1] > 0.95
    inner, share = inner_agreement(copies, others, everywhere)
    assert inner.max() < 0.3
    assert (inner < needed_inside(share, share, True)).all()
    brighter, share = inner_agreement(copies, 1.2 * copies - 15, everywhere)
    assert (brighter > needed_inside(share, share, True)).all()


def test_photographs_with_texture_are_spared_the_look_inside():
    """A stamp would pass for an outline; small pictures and plain ones are looked into."""
    share, texture = np.full(2, 0.7), np.array([0.3, 0.6])
    assert (needed_inside(share, texture) > 0).tolist() == [True, False]
    assert (needed_inside(share, texture, True) > 0).all()


def test_a_stamp_does_not_hide_a_copy(scenes):
    """Beside the stamp a copy agrees as if there were none; other scenes do not agree even so."""
    thumbnails = scenes[1]
    stamped = thumbnails.copy()
    stamped[:, 40:45, 3:22] = 255
    others = np.roll(stamped, 1, axis=0)
    assert np.median(agreement(shrink(thumbnails), shrink(stamped)).fine) < LEAST_BESIDE
    assert np.median(agreement_beside(shrink(thumbnails), shrink(stamped))) > LEAST_BESIDE
    assert agreement_beside(shrink(thumbnails), shrink(others)).max() < 0.7


def test_a_fingerprint_follows_the_pose(scenes):
    """A turned or mirrored picture has, in some likely pose, the fingerprint of the original."""
    thumbnails = scenes[1]
    plain = part_prints(thumbnails, 0).vectors
    for pose in range(len(POSES)):
        turned = whole_prints(np.ascontiguousarray(apply_pose(thumbnails, pose)))
        cosines = np.full(COUNT, -1.0)
        np.maximum.at(cosines, turned.owners, (turned.vectors * plain[turned.owners]).sum(axis=1))
        assert cosines.min() > 0.999


def test_alignment_undoes_a_shift(scenes):
    """A picture moved by two pixels agrees after alignment as well as an unmoved one."""
    ours = shrink(scenes[1][:, 2:46, 2:46])
    theirs = shrink(scenes[1][:, 3:47, 1:45])
    seen = agreement(ours, theirs)
    assert ours.shape == (COUNT, SIDE, SIDE)
    assert seen.fine.min() > 0.9
    for share in (seen.texture, seen.share):
        assert ((share > 0) & (share < 1)).all()


def test_cells_find_what_comparing_all_finds():
    """The sorted index loses few of the close pairs that a comparison of all finds."""
    rng = np.random.default_rng(0)
    # just enough to be sorted into cells at all
    vectors = rng.normal(size=(FEW, 24)).astype(np.float32)
    near = vectors[:500] + 0.2 * rng.normal(size=(500, 24)).astype(np.float32)
    everything = np.concatenate([vectors, near])
    everything /= np.linalg.norm(everything, axis=1, keepdims=True)
    index = Index(everything)
    found = {
        (int(a), int(b))
        for rows, hits, _ in index.close(everything, 0.9, 10)
        for a, b in zip(rows, hits, strict=True)
        if a < b
    }
    close = np.argwhere(everything @ everything.T >= 0.9)
    wanted = {(int(a), int(b)) for a, b in close if a < b}
    assert index.cells > 1
    assert found <= wanted
    assert len(found) >= 0.97 * len(wanted)


def test_groups_are_connected_pairs():
    """Pairs that share a picture make one group."""
    assert groups_of(np.array([0, 1, 5]), np.array([1, 2, 6]), 8) == [[0, 1, 2], [5, 6]]
