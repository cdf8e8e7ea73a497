"""Small charts as inline SVG: no library, no network; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 440, 284
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 28, 40
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One direction of a chart: from `low` to `high` with round ticks.

    Args:
        low, high: the ends, low < high.
        label: what it shows.
        ticks: where the grid lines are.
        percent: ticks are shares, written as percent.
    """

    low: float
    high: float
    label: str
    ticks: tuple[float, ...]
    percent: bool = False

    def share(self, value: float) -> float:
        """Where `value` lies between the ends: 0 to 1, cut off there."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def told(self, value: float) -> str:
        """A tick in words."""
        return f"{100 * value:.4g}%" if self.percent else f"{value:.4g}"


@dataclass(frozen=True)
class Line:
    """One series: its name in the legend, its points, and its colour 1 to 3 of the page."""

    name: str
    points: Points
    colour: int
    dots: bool = False
    dashed: bool = False
    joined: bool = True


def axis(
    values: Sequence[float], label: str, *, percent: bool = False, whole: bool = False
) -> Axis:
    """An axis that holds all values, with four to seven round ticks.

    Args:
        values: what will be drawn.
        label: its title.
        percent: the values are shares.
        whole: ticks only at whole numbers (epochs).
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / 5)
    if whole:
        step = max(1.0, math.ceil(step))
        ticks = [t for t in _ticks(low, high, step) if low <= t <= high]
        return Axis(low, high, label, tuple(ticks), percent)
    start, end = math.floor(low / step) * step, math.ceil(high / step - 1e-9) * step
    if percent:
        start, end = max(0.0, start), min(1.0, end)
    return Axis(start, end, label, tuple(_ticks(start, end, step)), percent)


UNIT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def unit_axis(label: str) -> Axis:
    """0 to 100 %."""
    return Axis(0.0, 1.0, label, UNIT, percent=True)


def chart(
    title: str,
    described: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    *,
    bars: Sequence[tuple[float, float, float]] = (),
    whiskers: Sequence[tuple[float, float, float]] = (),
    mark_x: tuple[float, str] | None = None,
    diagonal: bool = False,
    mark_low: bool = True,
) -> Markup:
    """A chart with grid, legend, and a description for those who cannot see it.

    Args:
        title: read out as the picture's name.
        described: one sentence with what it shows.
        x, y: the axes.
        lines: the series.
        bars: (from x, to x, height) drawn behind the lines.
        whiskers: (x, low, high) intervals.
        mark_x: a vertical line and its word.
        mark_low: its word stands at the foot of the line, else at its top.
        diagonal: a dashed line from corner to corner, "as it should be".
    """
    name = escape(title)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{name}. {escape(described)}">',
        _grid(x, y),
    ]
    for start, end, height in bars:
        left, right, top = _x(x, start), _x(x, end), _y(y, height)
        bottom = _y(y, y.low)
        parts.append(
            f'<rect class="bar" x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
            f'height="{max(0.0, bottom - top):.1f}"/>'
        )
    if diagonal:
        parts.append(
            f'<line class="ideal" x1="{_x(x, x.low)}" y1="{_y(y, y.low)}" '
            f'x2="{_x(x, x.high)}" y2="{_y(y, y.high)}"/>'
        )
    for at, low, high in whiskers:
        place = _x(x, at)
        parts.append(
            f'<line class="whisker" x1="{place:.1f}" y1="{_y(y, low):.1f}" '
            f'x2="{place:.1f}" y2="{_y(y, high):.1f}"/>'
        )
    if mark_x is not None:
        parts.append(_mark(x, *mark_x, low=mark_low))
    parts += [_line(x, y, line) for line in lines]
    parts.append(_legend(lines))
    return Markup("".join(parts) + "</svg>")


def headline(score: float, interval: tuple[float, float], baseline: float) -> Markup:
    """A scale from 0 to 100 % with the baseline, the interval and the score on it."""

    def at(share: float) -> float:
        return 10 + 400 * min(1.0, max(0.0, share))

    told = (
        f"On a scale from 0 to 100 percent: baseline {100 * baseline:.1f}, score "
        f"{100 * score:.1f}, interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
    )
    low, high, base = at(interval[0]), at(interval[1]), at(baseline)
    anchor = "start" if base < 50 else "end" if base > 370 else "middle"
    return Markup(
        f'<svg class="scale" viewBox="0 0 420 54" role="img" aria-label="{escape(told)}">'
        '<line class="grid" x1="10" x2="410" y1="18" y2="18"/>'
        f'<rect class="span" x="{low:.1f}" y="11" width="{max(2.0, high - low):.1f}" height="14" '
        'rx="3"/>'
        f'<line class="base" x1="{base:.1f}" x2="{base:.1f}" y1="6" y2="30"/>'
        f'<text x="{base:.1f}" y="45" text-anchor="{anchor}">baseline</text>'
        f'<circle class="score" cx="{at(score):.1f}" cy="18" r="5"/></svg>'
    )


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for tick in y.ticks:
        h = _y(y, tick)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{h:.1f}" y2="{h:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{h + 4:.1f}" text-anchor="end">{y.told(tick)}</text>'
        )
    for tick in x.ticks:
        w = _x(x, tick)
        parts.append(
            f'<text x="{w:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x.told(tick)}</text>'
        )
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="axis" x="{middle_x}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x.label)}</text>"
        f'<text class="axis" transform="translate(12 {middle_y}) rotate(-90)" '
        f'text-anchor="middle">{escape(y.label)}</text>'
    )
    return "".join(parts)


def _line(x: Axis, y: Axis, line: Line) -> str:
    drawn = [(_x(x, a), _y(y, b)) for a, b in line.points if math.isfinite(b)]
    kind = f"line c{line.colour}" + (" dashed" if line.dashed else "")
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in drawn)
    parts = (
        [f'<polyline class="{kind}" points="{path}"/>'] if line.joined and len(drawn) > 1 else []
    )
    if line.dots or (line.name and len(drawn) == 1):
        parts += [
            f'<circle class="dot c{line.colour}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>'
            for a, b in drawn
        ]
    return "".join(parts)


def _legend(lines: Sequence[Line]) -> str:
    lines = [line for line in lines if line.name]
    if len(lines) < 2:
        return ""
    parts, at = [], LEFT
    for line in lines:
        dashed = " dashed" if line.dashed else ""
        parts.append(
            f'<line class="line c{line.colour}{dashed}" x1="{at}" x2="{at + 18}" y1="9" y2="9"/>'
            f'<text x="{at + 23}" y="13">{escape(line.name)}</text>'
        )
        at += 40 + 7 * len(line.name)
    return "".join(parts)


def _mark(x: Axis, at: float, word: str, *, low: bool) -> str:
    place = _x(x, at)
    height = HEIGHT - BOTTOM - 8 if low else TOP + 14
    anchor, shift = ("end", -4) if x.share(at) > 0.6 else ("start", 4)
    return (
        f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="marked" x="{place + shift:.1f}" y="{height}" '
        f'text-anchor="{anchor}">{escape(word)}</text>'
    )


def _x(x: Axis, value: float) -> float:
    return LEFT + x.share(value) * (WIDTH - LEFT - RIGHT)


def _y(y: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM)


def _round_step(raw: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(power * f for f in (1, 2, 2.5, 5, 10) if power * f >= raw - 1e-12)


def _ticks(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
