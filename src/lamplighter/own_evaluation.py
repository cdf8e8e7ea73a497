"""`lamp evaluate` for networks that were trained on the user's own tensors."""

from __future__ import annotations

from typing import Any

from lamplighter import run_folder
from lamplighter.data.example import SPLITS, usual_split
from lamplighter.data.own import OwnSets, open_own
from lamplighter.errors import DataError, UsageError
from lamplighter.evaluation.measure import measure
from lamplighter.evaluation.outcome import Outcome
from lamplighter.listener import SILENT, Listener
from lamplighter.own_outcome import outcome_over
from lamplighter.own_parts import own_batches
from lamplighter.ownership import refuse_strangers_code
from lamplighter.recipe import Recipe, make_recipe, read_recipe
from lamplighter.run_folder import RunFolder
from lamplighter.tasks.task import TASKS, make_loss


def evaluate_own(
    model: Any,
    folder: RunFolder | None,
    data: str | None,
    split: str | None,
    listener: Listener = SILENT,
) -> tuple[Any, Outcome]:
    """`lamp evaluate` for a network that was trained on the user's own tensors.

    Raises:
        UsageError: the data are not known, or cannot be made again from a name.
    """
    recipe = Recipe()
    if folder is not None:
        path = folder / run_folder.RECIPE
        recipe = make_recipe(read_recipe(path))
        if not data:
            refuse_strangers_code(recipe, path, [recipe.model])
    text = data or recipe.data
    if not text:
        raise UsageError(
            "this network was trained from Python on your own objects, which only your code can make again",
            where=folder or "",
            fix="name the data: lamp evaluate RUN mydata:function",
        )
    sets = open_own(text)
    if not isinstance(sets, OwnSets):
        raise DataError(
            "these are pictures; the network takes tensors",
            where=text,
            fix="name what it was trained on, or its like: lamp evaluate RUN mydata:function",
        )
    there = {name: one for name in SPLITS if (one := getattr(sets, name)) is not None}
    chosen = split or usual_split(there)
    given = there.get(chosen)
    if given is None:
        raise DataError(
            f"there is no {chosen} split; there are {', '.join(there)}",
            where=text,
            fix=f"--split {usual_split(there)}",
        )
    batches = own_batches(given, recipe, model.device, listener)
    loss = make_loss("auto", TASKS[model.artifact.task])
    outcome = outcome_over(model.module, batches, chosen, model.artifact, loss)
    if outcome is None:
        raise UsageError(
            "only the training's own loss can judge outputs of this shape",
            where=text,
            fix="compute it in Python: lamp.load(PATH).outputs(tensor) gives the outputs",
        )
    listener.say(f"{sets.name}: {chosen}, {len(outcome.keys):,} examples")
    return measure(outcome, temperature=model.artifact.temperature), outcome
