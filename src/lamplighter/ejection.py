"""A run written out as one file of plain PyTorch, with the table of its splits beside it."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamplighter import run_folder, stages
from lamplighter.errors import ArtifactError, LamplighterError, UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.named import looks_named
from lamplighter.ownership import recipe_of
from lamplighter.recipe import Recipe
from lamplighter.run_folder import RunFolder, write_atomically

FILE = "train.py"
HELD = re.compile(r"(cifar100?|mnist|fashion_mnist|svhn)/(?:train|test)-\d{5}")
WIDE = "I;16"
ODD_MODES = {"I", "F", "LAB"}  # what Lamplighter scales by the range of their values
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")  # never of more than 8 bits


@dataclass(frozen=True)
class Ejected:
    """What was written.

    Args:
        file: the program.
        split: the table of the splits that it reads.
        lines: of the program.
        reasons: why its figures will differ from the run's in the last digits; none: they are equal.
    """

    file: Path
    split: Path
    lines: int
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        return {
            "file": str(self.file),
            "split": str(self.split),
            "lines": self.lines,
            "equal": not self.reasons,
            "reasons": list(self.reasons),
        }


def eject(
    run: str, *, out: Path | None = None, force: bool = False, listener: Listener = SILENT
) -> Ejected:
    """Writes a run as one file of plain PyTorch.

    Args:
        run: a finished run's name or folder.
        out: the file; by default train.py in the run's folder. Elsewhere the table of the splits
            is written beside it.
        force: replace what is there.
        listener: hears what could not be looked at.

    Raises:
        UsageError: a file is there already, or the run cannot be written out.
        ArtifactError: the run has left no model yet, or a damaged one.
    """
    from lamplighter.artifact import read_artifact
    from lamplighter.export.eject import eject as write
    from lamplighter.export.eject import refuse
    from lamplighter.export.ejected.past import Past

    folder = run_folder.find(run)
    file = folder / FILE if out is None else out
    recipe = recipe_of(folder / run_folder.RECIPE)
    if not (folder / run_folder.ARTIFACT).is_file():
        raise ArtifactError(
            "the run has not come to its end, so there is nothing to repeat yet",
            where=folder,
            fix=f"lamp train --resume {folder}",
        )
    artifact, _ = read_artifact(folder / run_folder.ARTIFACT)
    refuse(folder.name, artifact)
    origin, table = _origin(recipe, folder, listener)
    inside = file.parent.resolve() == folder.path.resolve() and table is None
    split = folder / run_folder.SPLIT if inside else file.with_name(f"{file.stem}-split.csv")
    _refuse_overwriting(file if inside else (file, split), force=force)
    course = _course(folder.metrics(), recipe, origin.counts.get("train", 0))
    environment = folder.read_json(run_folder.ENVIRONMENT) or {}
    past = Past(folder.name, recipe, environment, unreadable=_unreadable(folder))
    origin = replace(origin, split_file=split.name, reasons=(*origin.reasons, *course))
    script = write(past, artifact, origin, file.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not inside:
        write_atomically(split, table or (folder / run_folder.SPLIT).read_bytes())
    write_atomically(file, script.text.encode())
    return Ejected(file, split, len(script.text.splitlines()), script.reasons)


def _refuse_overwriting(files: Path | tuple[Path, ...], *, force: bool) -> None:
    for path in (files,) if isinstance(files, Path) else files:
        if path.exists() and not force:
            raise UsageError(
                "there is a file of this name already",
                where=path,
                fix="name another one with --out FILE, or replace it with --force",
            )


def _unreadable(folder: RunFolder) -> int:
    report = folder.read_json(run_folder.REPORT) or {}
    told = report.get("unreadable") if isinstance(report, dict) else None
    return len(told) if isinstance(told, list) else 0


def _origin(recipe: Recipe, folder: RunFolder, listener: Listener) -> tuple[Any, bytes | None]:
    """Where the pictures come from; and another table of the splits, where split.csv will not do."""
    from lamplighter.data.split_file import read_split
    from lamplighter.export.ejected.past import Origin

    rows = read_split(folder / run_folder.SPLIT)
    counts = Counter(row.split for row in rows)
    if looks_named(recipe.data) and not Path(recipe.data).exists():
        return Origin("own", "", counts, name=recipe.data), None
    if all(re.fullmatch(r"digits/\d{4}", row.key) for row in rows):
        return Origin("digits", "", counts), None
    held = {found[1] if (found := HELD.fullmatch(row.key)) else "" for row in rows}
    if len(held) == 1 and "" not in held:
        return _known(held.pop(), recipe, counts, listener), None
    return _files(recipe, rows, counts, listener)


def _known(name: str, recipe: Recipe, counts: Counter[str], listener: Listener) -> Any:
    """A set that torchvision knows by name, below the folder that torchvision wants."""
    from lamplighter.data.torchvision_sets import KNOWN_SETS, default_root, find_set
    from lamplighter.export.ejected.past import Origin

    given = Path(recipe.data_root or recipe.data).expanduser()
    root = given if recipe.data_root or given.exists() else default_root()
    class_name = KNOWN_SETS[name].class_name
    found = find_set(name, root) or root
    if found.parts[-2:] == (class_name, "raw"):
        root = found.parent.parent
    elif name in ("mnist", "fashion_mnist"):
        listener.warn(
            f"{found} is not laid out as torchvision has it ({class_name}/raw): the program will "
            "fetch the set anew, unless you give it another folder"
        )
    else:
        root = found
    return Origin("torchvision", str(root.absolute()), counts, name=name, set_class=class_name)


def _files(
    recipe: Recipe, rows: Sequence[Any], counts: Counter[str], listener: Listener
) -> tuple[Any, bytes | None]:
    """Files below one folder, or of several joined sources, in the order of the training."""
    from lamplighter.data.example import SPLITS
    from lamplighter.data.split_file import split_text
    from lamplighter.export.ejected.past import Origin

    try:
        source = stages.open_data(recipe)
        examples = {example.key: example for example in source.examples()}
    except LamplighterError as error:
        folder = str(Path(recipe.data).expanduser().absolute())
        listener.warn(f"the data are out of reach, their folder is taken as it was given: {error}")
        return Origin("files", folder, counts), None
    gone = [row.key for row in rows if row.key not in examples]
    if gone:
        listener.warn(f"{len(gone):,} recorded files are no longer there, such as {gone[0]}")
    files = {row.key: examples[row.key].path for row in rows if row.key in examples}
    if None in files.values():
        raise UsageError(
            "some of the joined data sets are held in memory; one program cannot open them together",
            where=recipe.data,
            fix="train on each alone, or on their pictures as files",
        )
    modes, transparent = _looks([path for path in files.values() if path is not None])
    odd = [f"pictures of mode {mode} are scaled in another way here" for mode in modes & ODD_MODES]
    root = str(source.root.absolute()) if source.root else "."
    origin = Origin(
        "files",
        root,
        counts,
        transparent=transparent,
        wide=WIDE in modes,
        reasons=tuple(sorted(odd)),
    )
    places = {key: place for place, key in enumerate(examples)}
    trained = sorted(rows, key=lambda row: (SPLITS.index(row.split), places.get(row.key, 0)))
    if source.root is not None:
        return origin, (split_text(trained) if trained != list(rows) else None)
    # of several folders: whole paths
    return origin, split_text(
        replace(row, key=str(Path(files.get(row.key) or row.key).absolute())) for row in trained
    )


def _looks(files: Sequence[Path]) -> tuple[set[str], bool]:
    """The modes of pictures that are no JPEGs, and whether one has transparency, by their headers."""
    from PIL import Image

    modes: set[str] = set()
    transparent = False
    for file in files:
        if file.suffix.lower() not in LOSSY:
            with contextlib.suppress(OSError, ValueError, SyntaxError), Image.open(file) as opened:
                modes.add(WIDE if opened.mode.startswith(WIDE) else opened.mode)
                transparent = transparent or opened.has_transparency_data
    return modes, transparent


def _course(rows: Sequence[Mapping[str, Any]], recipe: Recipe, count: int) -> Iterator[str]:
    """What tells that a run did not go straight through, by the steps and rates of its epochs."""
    import torch

    from lamplighter.training.schedule import make_schedule

    full, left = divmod(count, int(recipe.batch))
    batches = full + (left > (1 if full and recipe.batch > 1 else 0))  # type: ignore[operator]
    steps = -(-batches // recipe.accumulate)
    # Muon's groups hold their factors beside the rate
    factor = 1.0 if recipe.optimizer == "Muon" else max(1.0, float(recipe.backbone_lr))
    peak = float(recipe.lr) * factor
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=peak)
    schedule = make_schedule(
        recipe.schedule, optimizer, steps_per_epoch=steps, epochs=int(recipe.epochs),
        warmup=float(recipe.warmup),
    )  # fmt: skip
    for row in rows:
        epoch, step, rate = (row.get(key) for key in ("epoch", "step", "lr"))
        if step != int(epoch or 0) * steps:
            yield (
                f"epoch {epoch} of the run ended at step {step} instead of {int(epoch or 0) * steps}: "
                "it was cut short, or resumed with another batch"
            )
            return
        schedule.before_step(step - 1)
        expected = optimizer.param_groups[0]["lr"]
        schedule.after_epoch(row.get("val_loss"))
        if not math.isclose(float(rate or 0.0), expected, rel_tol=1e-9):
            yield (
                f"epoch {epoch} of the run ended with the learning rate {rate} instead of {expected}: "
                "it was resumed with other settings, or went back after the loss had diverged"
            )
            return
    if len(rows) < int(recipe.epochs) and not recipe.patience:
        yield f"the run ended after {len(rows)} of its {recipe.epochs} epochs"
