"""`lamp export RUN|MODEL --to onnx|program`."""

from __future__ import annotations

from pathlib import Path

import click

from lamplighter.cli.options import output_options


@click.command(epilog="Example: lamp export runs/photos-resnet18 --to onnx")
@click.argument("model")
@click.option(
    "--to",
    required=True,
    type=click.Choice(["onnx", "program"]),
    help="onnx (ONNX Runtime and others), or program (torch.export, .pt2).",
)
@click.option(
    "--out", type=Path, metavar="DIR", help="Where to write; by default beside the model."
)
@click.option(
    "--pictures",
    multiple=True,
    metavar="PATH",
    help="Files or folders for the proof; by default the run's own test or validation pictures.",
)
@click.option("--own", "own_class", metavar="MODULE:CLASS", help="Your own network's class.")
@output_options
def command(
    model: str,
    to: str,
    out: Path | None,
    pictures: tuple[str, ...],
    own_class: str | None,
    as_json: bool,
) -> int:
    """A file for other runtimes, preprocessing and labels inside, proved to agree.

    MODEL is a run's name or folder, or a model.safetensors file. The written file and the model
    answer the same pictures; where they differ nothing is kept and the exit code is 1.
    """
    from lamplighter import handover, named
    from lamplighter.cli.screen import Screen, print_json

    own = named.resolve(own_class, what="network") if own_class else None
    done = handover.export(model, to, out=out, pictures=pictures, own=own, listener=Screen())
    if as_json:
        print_json(done.as_json())
    else:
        print(f"{done.file}: {done.agreement}")
        print(f"how to run it: {done.readme}")
    return 0
