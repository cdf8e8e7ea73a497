"""`lamp check DATA --model M` and `lamp check SCRIPT.py [-- ARGS]`."""

from __future__ import annotations

from typing import Any

import click

from lamplighter.cli.options import output_options


@click.command(
    context_settings={"ignore_unknown_options": False},
    epilog="Examples: lamp check photos/ --model resnet18 · lamp check train.py -- --epochs 3",
)
@click.argument("what", metavar="DATA|SCRIPT.py")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--model", default="auto", show_default=True, help="Network to check with the data.")
@click.option("--weights", default="auto", show_default=True, help="default, none, or a file.")
@click.option("--size", default="auto", show_default=True, help="Side of the pictures, pixels.")
@click.option("--batch", default="auto", show_default=True, help="Pictures per step.")
@click.option("--lr", default="auto", show_default=True, help="Learning rate.")
@click.option("--optimizer", default="auto", show_default=True, help="By its torch name.")
@click.option("--data-root", metavar="DIR", help="Where data sets known by name lie.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--allow", multiple=True, metavar="CODE", help="A finding that is meant so.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Script: training steps to observe.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=120.0,
    show_default=True,
    help="Script: longest time to observe.",
)
@click.option("--fast", is_flag=True, help="Data: only what takes under a second.")
@output_options
def command(
    what: str,
    arguments: tuple[str, ...],
    as_json: bool,
    steps: int,
    seconds: float,
    fast: bool,
    allow: tuple[str, ...],
    **settings: Any,
) -> int:
    """Silent mistakes, found before they cost a night.

    With DATA: every check that can run before training, on the real data, network, loss and
    optimizer. With a SCRIPT.py: your own, unchanged program is run for a bounded number of steps
    under observation, and each mistake is named with file and line. Exit code 1: there are errors.
    """
    if what.endswith(".py"):
        from lamplighter.cli.check_script import run_script_check

        return run_script_check(
            what, arguments, steps=steps, seconds=seconds, as_json=as_json, allow=allow
        )

    from lamplighter.checks.finding import stopping
    from lamplighter.cli.screen import Screen, print_finding, print_json
    from lamplighter.look.ahead import looking_ahead
    from lamplighter.recipe import make_recipe

    given = {key: value for key, value in settings.items() if value not in (None, "auto")}
    level = "fast" if fast else "full"
    recipe = make_recipe({"data": what, **given, "allow": allow, "checks": level})
    with looking_ahead({"data": what, **given} if level == "full" else {}):
        from lamplighter import stages

        report = stages.check(recipe, Screen())
    if as_json:
        print_json(report.as_json())
    else:
        import sys

        from rich.console import Console

        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for finding in report:
            print_finding(finding, console)
        errors = len(stopping(report))
        print(
            f"{report.checks} checks, {_counted(report.steps, 'step')} tried and undone, "
            f"{report.seconds:.1f} s: {_counted(errors, 'error')}, "
            + _counted(sum(f.level == "warning" for f in report), "warning")
        )
    return 1 if stopping(report) else 0


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
