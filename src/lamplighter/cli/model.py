"""`lamp model`: one network, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from lamplighter.models.network import Network
    from lamplighter.models.summary import Summary


@click.command()
@click.argument("name")
@click.option("--size", type=click.IntRange(1, 8192), help="Height and width of the picture.")
@click.option(
    "--classes",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Outputs of the head.",
)
@click.option(
    "--channels",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Planes of the picture.",
)
@click.option("--graph", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: FILE.svg.")
@output_options
def command(
    name: str, size: int | None, classes: int, channels: int, graph: Path | None, as_json: bool
) -> None:
    """One network, layer by layer: shapes, parameters, multiply-adds, and what each layer sees.

    NAME is a network of `lamp models`, timm:NAME, or your own package.module:Class.
    """
    from lamplighter.cli.screen import print_json
    from lamplighter.models.shape import check_shape
    from lamplighter.models.summary import summarise

    network, size = _built(name, classes, channels, size)
    check_shape(network.module, (channels, size, size))
    summary = summarise(network.module, (channels, size, size))
    if graph is not None:
        _write_graph(graph, network.architecture.name, summary)
    if as_json:
        print_json(_document(network, summary))
        return
    _show(network, summary, size)


def _built(name: str, classes: int, channels: int, size: int | None) -> tuple[Network, int]:
    """The untrained network, and the size in pixels to look at it with."""
    from lamplighter.models.architecture import Option, known_options
    from lamplighter.models.build import build, find

    source, key = find(name)
    options: dict[str, Option] = {}
    if size is not None and "size" in known_options(source, key):
        options["size"] = size
    network = build(name, classes, channels=channels, options=options)
    return network, size or network.wants.size or _usual_size(source, key)


def _usual_size(source: str, key: str) -> int:
    from lamplighter.models.torchvision_nets import wants_of

    if source == "torchvision":
        return wants_of(key, 3).size or 224
    return 32 if source == "lamplighter" else 224


def _write_graph(path: Path, name: str, summary: Summary) -> None:
    from lamplighter.cli.screen import talk
    from lamplighter.errors import UsageError
    from lamplighter.models.graph import draw

    if path.suffix.lower() != ".svg":
        raise UsageError(
            f"the drawing is SVG, got {path.name!r}",
            where="--graph",
            fix=f"--graph {path.stem}.svg",
        )
    try:
        path.write_text(draw(name, summary), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}",
            where=path,
            fix="--graph FILE.svg in a folder that you may write to",
        ) from error
    talk().print(f"drawn to {path}", markup=False)


def _document(network: Network, summary: Summary) -> dict[str, Any]:
    return {
        "name": network.architecture.name,
        "input": list(summary.input_shape),
        "output": list(summary.output_shape),
        "parameters": summary.parameters,
        "trainable": summary.trainable,
        "multiply_adds": summary.multiply_adds,
        "receptive_field": summary.receptive_field,
        "head": list(network.head),
        "min_size": network.min_size,
        "layers": [layer.as_json() for layer in summary.layers],
    }


def _show(network: Network, summary: Summary, size: int) -> None:
    from lamplighter.cli.screen import print_table

    print_table(
        ("layer", "type", "output", "parameters", "multiply-adds", "sees", "trains"),
        [
            (
                layer.name,
                layer.type,
                "×".join(map(str, layer.output_shape)),
                f"{layer.parameters:,}" if layer.parameters else None,
                f"{layer.multiply_adds:,}" if layer.multiply_adds else None,
                _sees(layer.receptive_field, size),
                ("yes" if layer.trainable else "frozen") if layer.parameters else None,
            )
            for layer in summary.layers
        ],
        right=("parameters", "multiply-adds", "sees"),
    )
    shape = "×".join(map(str, summary.input_shape))
    click.echo(f"\n{network.architecture.name}, picture {shape}")
    click.echo(f"parameters     {summary.parameters:,} ({summary.trainable:,} trainable)")
    click.echo(f"multiply-adds  {summary.multiply_adds:,}")
    click.echo(f"head           {', '.join(network.head) or 'not found'}")
    if network.min_size:
        only = "only size" if network.fixed_size else "smallest size"
        click.echo(f"{only:<14} {network.min_size}")


def _sees(pixels: int | None, size: int) -> str:
    """The receptive field in pixels; more than the picture is the picture."""
    if pixels is None:
        return "all"
    return f"{pixels}" if pixels < size else f"{pixels} (all)"
