"""`lamp models`: the networks that can be asked for by name."""

from __future__ import annotations

import click

from lamplighter.cli.options import output_options


@click.command()
@click.argument("text", default="")
@output_options
def command(text: str, as_json: bool) -> None:
    """Networks by name, with their size, their published accuracy and what they expect.

    TEXT keeps those whose name holds it; timm:WORD searches the names of timm.
    """
    from lamplighter.cli.screen import print_json, print_table
    from lamplighter.models.catalogue import search

    found = search(text)
    if as_json:
        print_json({"models": [entry.as_json() for entry in found]})
        return
    print_table(
        ("name", "parameters", "multiply-adds", "ImageNet top-1", "size", "about"),
        [
            (
                entry.name,
                _millions(entry.parameters),
                _millions(entry.multiply_adds),
                None if entry.accuracy is None else f"{entry.accuracy:.1f} %",
                entry.size,
                entry.about or entry.weights,
            )
            for entry in found
        ],
        right=("parameters", "multiply-adds", "ImageNet top-1", "size"),
    )


def _millions(count: int | None) -> str | None:
    return None if count is None else f"{count / 1e6:,.1f} M"
