"""`lamp bench`: a training on whatever data were named, measured and thrown away."""

from __future__ import annotations

from lamplighter.bench.report import Bench, bench
from lamplighter.bench.stand import Measured, of_pictures
from lamplighter.data.own import OwnSets
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import seed_everything
from lamplighter.recipe import Recipe
from lamplighter.stages import open_data


def bench_data(
    recipe: Recipe, *, seconds: float = 10.0, try_all: bool = False, listener: Listener = SILENT
) -> Bench:
    """Measures the steps of `lamp train` with this recipe; see `lamplighter.bench.report.bench`.

    Raises:
        DataError, ModelError, UsageError: as training would.
        RunFailed: its losses are no numbers.
    """
    source = open_data(recipe)

    def make(changed: Recipe, heard: Listener) -> Measured:
        seed_everything(changed.seed)
        if not isinstance(source, OwnSets):
            return of_pictures(changed, source, heard)
        from lamplighter.own_parts import prepare_own

        return Measured(*prepare_own(changed, source, heard))

    return bench(recipe, make, seconds=seconds, try_all=try_all, listener=listener)
