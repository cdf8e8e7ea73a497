"""`lamp predict RUN|MODEL PATH...`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options, refuse_no_folder

if TYPE_CHECKING:
    from lamplighter.predict import Failure, Model, Prediction


@click.command(epilog="Example: lamp predict runs/photos-resnet18 holiday/ --csv answers.csv")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--top",
    default=3,
    show_default=True,
    metavar="K",
    help="Classes shown for each.",
    type=click.IntRange(1),
)
@click.option(
    "--csv", "csv_file", type=Path, metavar="FILE", help="Write the answers there; - is stdout."
)
@click.option("--own", "own_class", metavar="MODULE:CLASS", help="Your own network's class.")
@click.option("--model", "own_class_too", hidden=True, metavar="MODULE:CLASS")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@output_options
def command(
    model: str,
    paths: tuple[str, ...],
    top: int,
    csv_file: Path | None,
    own_class: str | None,
    own_class_too: str | None,
    device: str,
    as_json: bool,
) -> int:
    """Answers for files and folders.

    MODEL is a run's name or folder, or a model.safetensors file. A file that cannot be read is
    reported and the others are answered.
    """
    from lamplighter import named, stages
    from lamplighter.cli.screen import Screen, print_json
    from lamplighter.errors import UsageError
    from lamplighter.predict import Failure, picture_files

    if as_json and str(csv_file) == "-":
        raise UsageError(
            "the table and the JSON document cannot both go to stdout",
            where="--csv -",
            fix="--csv FILE with --json, or one of the two",
        )
    refuse_no_folder("--csv", csv_file)
    own_text = own_class or own_class_too
    own = named.resolve(own_text, what="network") if own_text else None
    loaded, _ = stages.open_model(model, own=own, device=device)
    files = picture_files(paths)
    screen = Screen()
    with screen.bar("predicting", len(files)) as bar:
        answers = list(bar.over(loaded.predict_each(files, top=top)))
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    if csv_file is not None:
        _write_csv(answers, csv_file)
    if as_json:
        print_json({"predictions": [answer.as_json() for answer in answers]})
    elif csv_file is None or str(csv_file) != "-":
        _print_answers(answers, loaded)
    for failure in failures:
        screen.warn(f"{failure.path}: {failure.error}")
    return 3 if len(failures) == len(answers) else 0


def _print_answers(answers: Iterable[Prediction | Failure], model: Model) -> None:
    from lamplighter.cli.screen import print_table
    from lamplighter.predict import Failure

    rows = []
    for answer in answers:
        if isinstance(answer, Failure):
            rows.append((answer.path, "cannot be read", "", ""))
            continue
        others = ", ".join(f"{label} {100 * p:.1f} %" for label, p in answer.top[1:])
        sure = "" if answer.probability is None else f"{100 * answer.probability:.1f} %"
        rows.append(
            (answer.path, answer.label + (" (unsure)" if answer.unsure else ""), sure, others)
        )
    heads = ("path", "answer", "probability", "then")
    if model.artifact.task == "regression":
        print_table(heads[:2], [row[:2] for row in rows])
    else:
        print_table(heads, rows, right=("probability",))


def _write_csv(answers: Iterable[Prediction | Failure], file: Path) -> None:
    """path, answer, probability, unsure, error: a row for each picture."""
    from lamplighter.errors import UsageError

    if str(file) == "-":
        csv.writer(sys.stdout).writerows(_csv_rows(answers))
        return
    try:
        with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as opened:
            csv.writer(opened).writerows(_csv_rows(answers))
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}",
            where=file,
            fix="--csv FILE in a folder that you may write to, or --csv - for stdout",
        ) from error


def _csv_rows(answers: Iterable[Prediction | Failure]) -> Iterator[list[Any]]:
    from lamplighter.predict import Failure

    yield ["path", "answer", "probability", "unsure", "error"]
    for answer in answers:
        if isinstance(answer, Failure):
            yield [answer.path, "", "", "", answer.error]
        else:
            sure = "" if answer.probability is None else repr(answer.probability)
            yield [answer.path, answer.label, sure, str(answer.unsure).lower(), ""]
