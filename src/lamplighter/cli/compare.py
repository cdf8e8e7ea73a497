"""`lamp compare RUN_A RUN_B`: is B better than A, and how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from lamplighter.evaluation.compare import Comparison


@click.command()
@click.argument("run_a")
@click.argument("run_b")
@click.option("--list", "most", default=5, show_default=True, help="Pictures listed per run.")
@click.option("--shared", is_flag=True, help="Only the pictures that both were evaluated on.")
@output_options
def command(run_a: str, run_b: str, most: int, shared: bool, as_json: bool) -> None:
    """Is RUN_B better than RUN_A, on the same pictures, and how surely?

    Runs are folders or names within runs/. The difference comes with its 95 % interval and with
    how often luck alone would make it; runs on different data are refused.

    \b
    lamp compare runs/photos-resnet18 runs/photos-resnet18-2
    """
    from lamplighter.evaluation.compare import compare
    from lamplighter.evaluation.predictions import read_run
    from lamplighter.evaluation.settings import seeds_only, settings_that_differ

    (folder_a, a), (folder_b, b) = read_run(run_a), read_run(run_b)
    found = compare(a, b, shared_only=shared)
    differ = settings_that_differ(folder_a, folder_b)
    if as_json:
        from lamplighter.cli.screen import print_json

        print_json(
            {
                "run_a": str(folder_a),
                "run_b": str(folder_b),
                **found.as_json(),
                "settings": differ,
                "seed_only": seeds_only(differ),
            }
        )
        return
    _print(found, a.name, b.name, differ, most)


def _print(
    found: Comparison, a: str, b: str, differ: dict[str, list[Any]] | None, most: int
) -> None:
    from lamplighter.cli.screen import print_table, printable
    from lamplighter.evaluation.settings import seeds_only
    from lamplighter.evaluation.words import percent

    figure = percent if found.measure == "accuracy" else "{:.4g}".format
    print_table(
        ["", "run", found.measure, "only it is right"],
        [
            ["A", a, figure(found.a), len(found.only_a)],
            ["B", b, figure(found.b), len(found.only_b)],
        ],
        right=[found.measure, "only it is right"],
    )
    print(f"\n{printable(found.verdict)}")
    print(f"on {found.n} pictures of the {found.split} split")
    if seeds_only(differ):
        print("The runs differ by their seed only: this is the spread that chance alone makes.")
    elif differ:
        told = [f"{key} {old!r} → {new!r}" for key, (old, new) in differ.items()]
        print(printable("They differ in " + ", ".join(told)))
    for name, rows in (("A", found.only_a), ("B", found.only_b)):
        if rows and most > 0:
            print(f"\nonly {name} is right:")
            print_table(["picture", "label"], [[row.path, row.label] for row in rows[:most]])
            if len(rows) > most:
                print(f"… and {len(rows) - most} more (--list {len(rows)})")
