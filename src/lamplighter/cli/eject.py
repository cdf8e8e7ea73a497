"""`lamp eject RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from lamplighter.cli.options import output_options


@click.command(epilog="Example: lamp eject runs/photos-resnet18 --out train.py")
@click.argument("run")
@click.option(
    "--out", type=Path, metavar="FILE", help="The file; by default train.py in the run's folder."
)
@click.option("--force", is_flag=True, help="Replace the file that is there.")
@output_options
def command(run: str, out: Path | None, force: bool, as_json: bool) -> int:
    """One readable file of plain PyTorch that repeats a run without Lamplighter.

    RUN is a finished run's name or folder, of the recipe speed too. On the CPU the file gives the
    run's losses to the last digit; where it cannot, its head says why. It reads who is in train,
    val and test from the table beside it.
    """
    from lamplighter import ejection
    from lamplighter.cli.screen import Screen, print_json, printable

    done = ejection.eject(run, out=out, force=force, listener=Screen())
    if as_json:
        print_json(done.as_json())
        return 0
    print(
        printable(f"{done.file}: {done.lines} lines of plain PyTorch, splits in {done.split.name}")
    )
    for reason in done.reasons:
        print(printable(f"not equal to the last digit: {reason}"))
    print(printable(f"next: python {done.file}"))
    return 0
