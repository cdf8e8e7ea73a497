"""Figures of a forecast in one unit against the truth in another: E101."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.scoring import units_mixed
from lamplighter.watch.data.arrays import arrays_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.nearness import leeway
from lamplighter.watch.source.lineage import lineage_of_call
from lamplighter.watch.source.place import Place, here_exactly, statement_at

if TYPE_CHECKING:
    from lamplighter.watch.score.answered import Answered
    from lamplighter.watch.world import World

FEWEST = 16  # answers, and targets of training
MOST = 2**16  # answers
MOST_LINES = 12  # printed lines after an evaluation that are held against the arrays
DIGITS = 4  # of a figure that can hardly agree by chance
APART = 20.0  # times the spread: another unit
ALIKE = 3.0  # at most: the same unit
NUMBER = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\w,]|\.\d)")


class Units(Watcher):
    """Looks in the program's arrays for what a printed figure was computed from."""

    codes = ("E101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.lines = 0

    def text_written(self, text: str) -> None:
        seen = self.world.answered
        if seen is None or not seen.answers or not seen.goals or self.lines >= MOST_LINES:
            return
        shown = [token.replace(",", "") for token in NUMBER.findall(text)[:8]]
        shown = [t for t in shown if len(t.replace(".", "").strip("0")) >= DIGITS]
        goals = torch.cat(seen.goals).double()
        if not shown or len(goals) < FEWEST or self.world.found("E101"):
            return
        self.lines += 1
        for answers in _forecasts(seen):
            for name, said, truth in _pairs(answers, goals):
                for how, figure in _figures(said, truth):
                    if any(abs(float(t) - figure) <= leeway(t) for t in shown):
                        told = units_mixed(how, figure, float(said.std()), float(truth.std()))
                        self.world.adopt(told, _line(name))
                        return


def _forecasts(seen: Answered) -> Iterator[Tensor]:
    """What each network that gives one number for a sample has answered since the last step."""
    for parts in seen.answers.values():
        single = [p.reshape(-1) for p in parts if p.dim() == 1 or p.shape[1] == 1]
        if not FEWEST <= sum(map(len, single)) <= MOST:
            continue
        answers = torch.cat(single).double().cpu()
        if float(answers.std()) != 0:
            yield answers


def _pairs(answers: Tensor, goals: Tensor) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Forecasts and truths of the program, one of them in the unit of training and one not."""
    usual, own = float(goals.std()), float(answers.std())
    said: list[tuple[str, Tensor, float]] = [("", answers, 1.0)]
    truths = []
    for array in arrays_in_sight():
        values = array.values
        if values.numel() != len(answers) or not values.is_floating_point():
            continue
        flat = values.reshape(-1).double()
        factor = _factor(flat, answers)
        if factor is None:
            truths.append((array.name, flat))
        elif factor:
            said.append((array.name, flat, factor))
    for name, one, factor in said:
        for other_name, truth in truths:
            spread = float(truth.std())
            turned_back = _apart(factor) and _alike(spread, usual)
            left = not _apart(factor) and _apart(spread / own) and _apart(spread / usual)
            if spread > 0 and (turned_back or left):
                yield name or other_name, one, truth


def _factor(values: Tensor, answers: Tensor) -> float | None:
    """By how much the answers were multiplied, apart from an offset; None: these are others."""
    if not bool(torch.isfinite(values).all()) or float(values.std()) == 0:
        return 0.0
    centred, mine = values - values.mean(), answers - answers.mean()
    factor = float((centred * mine).sum() / (mine * mine).sum())
    exact = float((centred - factor * mine).abs().max()) < 1e-4 * float(centred.std())
    return abs(factor) if exact else None


def _figures(said: Tensor, truth: Tensor) -> Iterator[tuple[str, float]]:
    off = said - truth
    square = float((off * off).mean())
    yield "root of the mean square", square**0.5
    yield "mean square", square
    yield "mean distance", float(off.abs().mean())


def _apart(ratio: float) -> bool:
    return ratio > APART or 0 < ratio < 1 / APART


def _alike(one: float, other: float) -> bool:
    return other > 0 and 1 / ALIKE < one / other < ALIKE


def _line(name: str) -> Place | None:
    """Where the figure is computed from an array, or else printed."""
    place = here_exactly()
    if place is None:
        return None
    links = lineage_of_call(place, None).inputs
    statement = statement_at(place)
    if statement is not None and _reads(statement, name):
        return place
    line = next((link.line for link in links if any(_reads(p, name) for p in link.parts)), None)
    return place if line is None else replace(place, line=line, column=-1)


def _reads(node: Any, name: str) -> bool:
    return any(
        ast.unparse(n) == name for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    )
