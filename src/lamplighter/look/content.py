"""Findings about what pictures show: D135 nothing, D136 a sign among photographs; T106 the crop."""

from __future__ import annotations

from collections.abc import Sequence

from lamplighter.checks.finding import Level
from lamplighter.look.exhibit import Exhibit, counted, exhibit, splits_told, verb
from lamplighter.look.facts import Facts
from lamplighter.look.pictures import Picture

# standard deviation of grey levels below which a person sees one colour
ONE_COLOUR = 1.5
# the same near black or white (mean grey level this close to an end), where an eye tells less apart
NEAR_AN_END = 8
ONE_COLOUR_THERE = 4.0
# a sign, a logo or a "not found" picture: mostly even areas, drawn in a handful of colours
SIGN_FLAT = 0.70
SIGN_COLOURS = 16
# pixels: a smaller picture of a plane in the sky has no more colours than a sign
SIGN_SIDE = 64
# the rest must be photographs for a sign to stand out: at most this share may look drawn
MOST_SIGNS = 0.03
FEW = 20
WORTH_TELLING = 0.40


def content_exhibits(pictures: Sequence[Picture]) -> list[Exhibit]:
    """Pictures without content, and signs among photographs."""
    seen = [picture for picture in pictures if picture.facts.seen]
    empty = [picture for picture in seen if _is_empty(picture.facts)]
    found: list[Exhibit] = []
    # a set of masks or of blank pages is no fault of single pictures
    if empty and len(empty) <= max(1, 0.5 * len(seen)):
        message = (
            f"{counted(len(empty))} {verb(len(empty), 'shows', 'show')} one colour and nothing else"
        )
        fix = "remove them: whatever their label says, it cannot be seen"
        notes = [f"grey {picture.facts.mean:.0f}" for picture in empty]
        where = splits_told(empty)
        found.append(exhibit("D135", "warning", where, message, fix, _each(empty), notes))
    return found + _signs([picture for picture in seen if not _is_empty(picture.facts)])


def _is_empty(facts: Facts) -> bool:
    end = min(facts.mean, 255 - facts.mean)
    return facts.deviation < (ONE_COLOUR_THERE if end < NEAR_AN_END else ONE_COLOUR)


def _signs(seen: Sequence[Picture]) -> list[Exhibit]:
    """D136 by outlier: few colours and large even areas where the other pictures have neither."""
    signs = [picture for picture in seen if _is_drawn(picture.facts)]
    if not signs or len(seen) < FEW or len(signs) > max(1, MOST_SIGNS * len(seen)):
        return []
    others = [picture for picture in seen if not _is_drawn(picture.facts)]
    colours = sorted(picture.facts.colours for picture in others)[len(others) // 20]
    # grey scans and sketches have few colours too: then nothing stands out
    if colours <= 1.5 * max(picture.facts.colours for picture in signs):
        return []
    message = (
        f"{counted(len(signs))} {verb(len(signs), 'looks', 'look')} like a sign or a placeholder"
        " among photographs: a few colours on even areas"
    )
    fix = 'remove what is no photograph (often a "not found" picture that was saved instead)'
    notes = [f"{picture.facts.flat:.0%} even, {picture.facts.colours} colours" for picture in signs]
    return [exhibit("D136", "warning", splits_told(signs), message, fix, _each(signs), notes)]


def _is_drawn(facts: Facts) -> bool:
    legible = min(facts.width, facts.height) >= SIGN_SIDE
    return legible and facts.flat >= SIGN_FLAT and facts.colours <= SIGN_COLOURS


def share_cut(facts: Facts, *, size: int, resize: int, fit: str) -> float:
    """The share of a picture's area that the network never sees, 0…1.

    Args:
        facts: of the picture.
        size: side of the network's input, pixels.
        resize: length of the shorter side before the centre crop, pixels.
        fit: "crop", "squash" or "pad"; only a crop cuts.
    """
    if fit != "crop" or not facts.width or not facts.height:
        return 0.0
    short, long = sorted((facts.width, facts.height))
    seen = (size / max(size, resize)) ** 2
    return 1 - seen * short / long


def crop_exhibits(
    pictures: Sequence[Picture], *, size: int, resize: int, fit: str
) -> list[Exhibit]:
    """T106: pictures of which the centre crop leaves too little, the worst first."""
    seen = [picture for picture in pictures if picture.facts.seen]
    cut = {
        picture.key: share_cut(picture.facts, size=size, resize=resize, fit=fit) for picture in seen
    }
    hit = sorted((p for p in seen if cut[p.key] > WORTH_TELLING), key=lambda p: -cut[p.key])
    if not hit:
        return []
    level: Level = "warning" if len(hit) > 0.05 * len(seen) else "info"
    message = (
        f"the centre crop cuts more than {WORTH_TELLING:.0%} off {counted(len(hit))} of"
        f" {len(seen):,}, up to {cut[hit[0].key]:.0%}"
    )
    fix = "look at the worst; if objects lie at the ends: --fit pad, or --fit squash"
    notes = [f"{cut[picture.key]:.0%} cut" for picture in hit]
    return [exhibit("T106", level, splits_told(hit), message, fix, _each(hit), notes)]


def _each(pictures: Sequence[Picture]) -> list[tuple[Picture]]:
    return [(picture,) for picture in pictures]
