"""A run → one file of plain PyTorch that repeats it, to be read, run and changed without Lamplighter.

The file is `ejected/train.py.j2`, filled with what the run used; nothing that it did not use is in
it. What cannot be repeated to the last digit is told in the file's head.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from lamplighter.artifact import Artifact
from lamplighter.errors import UsageError
from lamplighter.export.ejected.facts import facts_of
from lamplighter.export.ejected.head import head_of, imports_of, reasons_of
from lamplighter.export.ejected.network import network_of
from lamplighter.export.ejected.past import Origin, Past
from lamplighter.export.ejected.speed import uses_ours

MOST_LINES = 199  # what is longer is not read
# with a network, an optimizer or a variation that torch has not; the recipe `speed` stays below. Rare
# settings together come to more, as nothing could stand in for them
MOST_WITH_OURS = 319
# from the best to the shortest: whether it is exact, and whether it is brief
FORMS = ((True, False), (True, True), (False, False), (False, True))
OTHER_NUMBERS = (
    "written out to the last digit this file would be longer than 200 lines; torchvision's own "
    "transforms vary the pictures instead: as much, with other random numbers"
)


@dataclass(frozen=True)
class Script:
    """The file's text, and why its figures will differ from the run's in the last digits, if so."""

    text: str
    reasons: tuple[str, ...]


def eject(past: Past, artifact: Artifact, origin: Origin, file: str = "train.py") -> Script:
    """Writes a run as one file of plain PyTorch.

    Args:
        past: what was asked and what came of it.
        artifact: what the model file says.
        origin: where the pictures come from.
        file: its name, for the lines that say how to run it.

    Raises:
        UsageError: the run was not trained on pictures, or labels cannot be told apart.
    """
    refuse(past.name, artifact)
    network = network_of(artifact.architecture, past.recipe, artifact.task)
    reasons = (*reasons_of(past, origin), *network.reasons)
    text = ""
    ours = uses_ours(artifact.architecture, past.recipe)
    for exact, brief in FORMS[:2] if ours else FORMS:  # torchvision could not stand in for ours
        told = reasons if exact else (*reasons, OTHER_NUMBERS)
        facts = facts_of(past, artifact, origin, network, exact=exact, brief=brief)
        body = _template().render(**facts)
        if brief:
            body = re.sub(r"^ *# .*\n", "", body, flags=re.MULTILINE)
        head = head_of(past, artifact, origin, network, told, file)
        text = f"{head}\n\n{imports_of(body, network, origin)}\n\n{body}"
        if len(text.splitlines()) <= (MOST_WITH_OURS if ours else MOST_LINES):
            break
    return Script(text, told)


def refuse(run: str, artifact: Artifact) -> None:
    """Says what cannot be written out at all.

    Raises:
        UsageError: see `eject`.
    """
    if artifact.preprocess is None:
        raise UsageError(
            "this network was trained on your own tensors, by objects that only your code can make",
            where=run,
            fix="your script holds them all; the plain loop around them is in docs/tutorial.md",
        )
    odd = [name for name in artifact.classes if "|" in name]
    if artifact.task == "multilabel" and odd:
        raise UsageError(
            f"split.csv parts a picture's labels by |, which the class {odd[0]!r} itself holds",
            where=run,
            fix="rename the class and train again",
        )


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lamplighter.export", "ejected"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # Python, not HTML: texts from outside pass through `literal`
    )
    return environment.get_template("train.py.j2")
