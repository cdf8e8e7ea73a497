"""`lamp compare RUN_A RUN_B`: is B better than A, and how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamplighter.evaluation.compare import Comparison
    from lamplighter.evaluation.spread import Spread


@click.command()
@click.argument("run_a")
@click.argument("run_b")
@click.argument("data", required=False)
@click.option("--list", "most", default=5, show_default=True, help="Pictures listed per run.")
@click.option("--shared", is_flag=True, help="Only the pictures that both were evaluated on.")
@output_options
def command(
    run_a: str, run_b: str, data: str | None, most: int, shared: bool, as_json: bool
) -> None:
    """Is RUN_B better than RUN_A, on the same pictures, and how surely?

    Runs are folders or names within runs/; with DATA both answer these pictures now, and model
    files will do. The difference comes with its 95 % interval and with how often luck alone would
    make it; runs on different data are refused.

    \b
    lamp compare runs/photos-resnet18 runs/photos-resnet18-2
    lamp compare old.safetensors new.safetensors photos/test
    """
    from lamplighter import stages
    from lamplighter.cli.screen import Screen
    from lamplighter.evaluation.settings import seeds_only, settings_that_differ
    from lamplighter.evaluation.spread import seed_spread

    found, folders = stages.compare(run_a, run_b, data, shared_only=shared, listener=Screen())
    folder_a, folder_b = folders
    differ = settings_that_differ(folder_a, folder_b) if folder_a and folder_b else None
    spreads = {
        word: seed_spread(folder, found.split)
        for word, folder in (("a", folder_a), ("b", folder_b))
        if folder is not None and data is None
    }
    if as_json:
        from lamplighter.cli.screen import print_json

        print_json(
            {
                "run_a": str(folder_a or run_a),
                "run_b": str(folder_b or run_b),
                **found.as_json(),
                "settings": differ,
                "seed_only": seeds_only(differ),
                "seeds": {word: one and one.as_json() for word, one in spreads.items()},
            }
        )
        return
    name_a, name_b = (folder_a.name if folder_a else run_a), (folder_b.name if folder_b else run_b)
    _print(found, name_a, name_b, differ)
    _print_spreads(spreads, differ)
    _print_pictures(found, most)


def _print_spreads(
    spreads: Mapping[str, Spread | None], differ: dict[str, list[Any]] | None
) -> None:
    """What the seed alone does, where runs with other seeds lie beside these."""
    from lamplighter.evaluation.settings import seeds_only
    from lamplighter.evaluation.words import percent

    same = seeds_only(differ)
    for word, spread in spreads.items():
        if spread is None or (same and word == "b"):
            continue
        low, high = min(spread.accuracies), max(spread.accuracies)
        of = "Both are" if same else f"{word.upper()} is"
        print(
            f"{of} one of {len(spread.runs)} runs that differ by their seed only: accuracy "
            f"{percent(low)} to {percent(high)}, standard deviation {100 * spread.deviation:.2f} points"
        )


def _print(found: Comparison, a: str, b: str, differ: dict[str, list[Any]] | None) -> None:
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
        print("The runs differ by their seed only: this is what chance alone makes.")
    elif differ:
        told = [f"{key} {old!r} → {new!r}" for key, (old, new) in differ.items()]
        print(printable("They differ in " + ", ".join(told)))


def _print_pictures(found: Comparison, most: int) -> None:
    from lamplighter.cli.screen import print_table

    for name, rows in (("A", found.only_a), ("B", found.only_b)):
        if rows and most > 0:
            print(f"\nonly {name} is right:")
            print_table(["picture", "label"], [[row.path, row.label] for row in rows[:most]])
            if len(rows) > most:
                print(f"… and {len(rows) - most} more (--list {len(rows)})")
