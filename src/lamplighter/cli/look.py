"""`lamp look`: a verdict on the data before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamplighter.cli.options import output_options
from lamplighter.errors import Interrupted

if TYPE_CHECKING:
    from lamplighter.look.verdict import Look

PATHS_SHOWN = 4


@click.command()
@click.argument("data", required=False)
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write a page with every finding's pictures."
)
@click.option(
    "--sheets", type=click.Path(path_type=Path), help="Write a contact sheet per class here (PNG)."
)
@click.option("--limit", type=int, help="Look at this many pictures only, spread evenly.")
@click.option(
    "--size", type=int, default=224, show_default=True, help="Side of the network's input."
)
@click.option(
    "--fit",
    type=click.Choice(["crop", "squash", "pad"]),
    default="crop",
    show_default=True,
    help="How pictures are brought to that size.",
)
@click.option("--labels", is_flag=True, help="Also suspect wrong labels (takes longer).")
@click.option("--no-near", is_flag=True, help="Do not search near duplicates.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep facts of earlier looks.")
@click.option(
    "--clear-cache",
    is_flag=True,
    help="First remove what earlier looks kept, and all decoded pictures.",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Where known data sets or a table's files lie.",
)
@output_options
def command(
    data: str | None,
    html: Path | None,
    sheets: Path | None,
    limit: int | None,
    size: int,
    fit: str,
    labels: bool,
    no_near: bool,
    no_cache: bool,
    clear_cache: bool,
    data_root: Path | None,
    as_json: bool,
) -> int:
    """The data before training: layout, counts, faults of files, labels and splits.

    DATA is a folder, a table, the name of a known set, or several joined by " + ".
    """
    from lamplighter.cli.screen import Screen, print_json

    screen = Screen()
    if clear_cache:
        from lamplighter.images.cache import clear
        from lamplighter.look.store import forget

        screen.say(f"cache cleared: {(forget() + clear()) / 2**20:.1f} MiB freed")
    if data is None:
        if clear_cache:
            return 0
        raise click.UsageError("DATA is missing: lamp look photos/")
    from lamplighter.look.verdict import look

    seen = look(
        data,
        size=size,
        fit=fit,
        limit=limit,
        labels=labels,
        near=not no_near,
        cache=not no_cache,
        data_root=data_root,
        listener=screen,
    )
    if html:
        from lamplighter.look.page import write_page

        write_page(seen, html, listener=screen)
        screen.say(f"page: {html}")
    if sheets:
        from lamplighter.look.sheets import write_class_sheets

        for path in write_class_sheets(seen, sheets, size=size, fit=fit):
            screen.say(f"sheet: {path}")
    if as_json:
        print_json(seen.as_json())
    else:
        _print_look(seen)
    if seen.stopped:
        return Interrupted.exit_code
    return 1 if any(finding.level == "error" for finding in seen.findings) else 0


def _print_look(seen: Look) -> None:
    """Tables, then findings worst first, then the verdict, on stdout."""
    from rich.console import Console

    from lamplighter.cli.screen import print_table

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{_plain(seen.name)}: {_plain(seen.layout)}")
    splits = list(seen.splits)
    rows = [
        [name or "(no class)", *(per.get(split, 0) for split in splits), sum(per.values())]
        for name, per in _worth_showing(seen)
    ]
    rows.append(["all", *(seen.splits[split] for split in splits), seen.files])
    heads = ["class", *(split if split != "all" else "pictures" for split in splits), "sum"]
    if len(splits) == 1:
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    print_table(heads, rows, right=heads[1:])
    _print_sizes(seen, console)
    console.print()
    for exhibit in seen.exhibits:
        _print_exhibit(exhibit, console)
    console.print(f"[bold]{_plain(seen.verdict)}[/]  ({seen.seconds:.1f} s)")


def _worth_showing(seen: Look) -> list[tuple[str, dict[str, int]]]:
    """All classes, or the largest and smallest where there are many."""
    ordered = [(name, dict(per)) for name, per in seen.classes.items()]
    if len(ordered) <= 24:
        return ordered
    by_size = sorted(ordered, key=lambda item: -sum(item[1].values()))
    left = len(ordered) - 20
    rest: dict[str, int] = {}
    for _, per in by_size[10:-10]:
        for split, count in per.items():
            rest[split] = rest.get(split, 0) + count
    return [*by_size[:10], (f"… {left} more classes", rest), *by_size[-10:]]


def _print_sizes(seen: Look, console: object) -> None:
    sizes = seen.sizes
    told = []
    if "width" in sizes:
        w, h = sizes["width"], sizes["height"]
        told.append(
            f"{w['min']}×{h['min']} to {w['max']}×{h['max']}, median {w['median']:.0f}×{h['median']:.0f}"
        )
    for name in ("formats", "modes"):
        told.append(", ".join(f"{key} {count:,}" for key, count in sizes[name].items()))
    console.print(_plain("; ".join(part for part in told if part)))  # type: ignore[attr-defined]


def _print_exhibit(exhibit: object, console: object) -> None:
    from lamplighter.cli.screen import print_finding
    from lamplighter.look.exhibit import Exhibit

    assert isinstance(exhibit, Exhibit)
    print_finding(exhibit.finding, console, most=0)  # type: ignore[arg-type]
    lines = [
        ("  =  ".join(p.key for p in group), exhibit.notes[place] if exhibit.notes else "")
        for place, group in enumerate(exhibit.groups)
    ] or [(path, "") for path in exhibit.finding.paths]
    for keys, note in lines[:PATHS_SHOWN]:
        told = f"      {keys}" + (f"  ({note})" if note else "")
        console.print(f"[dim]{_plain(told)}[/]")  # type: ignore[attr-defined]
    if len(lines) > PATHS_SHOWN:
        more = len(lines) - PATHS_SHOWN
        console.print(f"[dim]      … {more:,} more (--json lists all, --html shows them)[/]")  # type: ignore[attr-defined]


def _plain(text: str) -> str:
    from rich.markup import escape

    from lamplighter.cli.screen import printable

    return escape(printable(text))
