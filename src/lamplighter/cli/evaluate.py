"""`lamp evaluate RUN|MODEL [DATA]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lamplighter.cli.options import output_options, refuse_no_folder


@click.command(epilog="Example: lamp evaluate runs/photos-resnet18 --split val")
@click.argument("model")
@click.argument("data", required=False)
@click.option("--split", metavar="NAME", help="train, val or test; by default test, else val.")
@click.option("--own", "own_class", metavar="MODULE:CLASS", help="Your own network's class.")
@click.option("--model", "own_class_too", hidden=True, metavar="MODULE:CLASS")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--html", type=Path, metavar="FILE", help="Write the report of these figures there.")
@click.option("--csv", type=Path, metavar="FILE", help="Write every answer there.")
@click.option("--skip-unreadable", is_flag=True, help="Go on without pictures that cannot be read.")
@click.option("--data-root", metavar="DIR", help="Where data sets known by name lie.")
@click.option("--path-column", metavar="NAME", help="The table's column with paths.")
@click.option("--label-column", metavar="NAME", help="The table's column with labels.")
@click.option("--split-column", metavar="NAME", help="The table's column with splits.")
@output_options
def command(
    model: str,
    data: str | None,
    split: str | None,
    own_class: str | None,
    own_class_too: str | None,
    device: str,
    html: Path | None,
    csv: Path | None,
    skip_unreadable: bool,
    as_json: bool,
    **data_options: Any,
) -> int:
    """The truth about a model: on a split of what it was trained on, or on new DATA.

    MODEL is a run's name or folder, or a model.safetensors file.
    """
    from lamplighter import named, stages
    from lamplighter.cli.screen import Screen, print_json
    from lamplighter.cli.told import print_measures
    from lamplighter.evaluation.outcome import write_predictions

    for flag, file in (("--html", html), ("--csv", csv)):
        refuse_no_folder(flag, file)
    own_text = own_class or own_class_too
    found = stages.evaluate(
        model,
        data,
        split=split,
        own=named.resolve(own_text, what="network") if own_text else None,
        device=device,
        skip_unreadable=skip_unreadable,
        data_options={key: value for key, value in data_options.items() if value is not None},
        listener=Screen(),
    )
    document = found.measures.as_json()
    if csv is not None:
        write_predictions(found.outcome, csv, temperature=found.model.artifact.temperature)
    if html is not None:
        found.write_page(html, model_text=model)
        document["report"] = str(html)
    if as_json:
        print_json(document)
    else:
        print_measures(document)
        if html is not None:
            print(f"report: {html}")
    return 0
