"""`lamp bench DATA --model M`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from lamplighter.bench.report import Bench


@click.command(epilog="Example: lamp bench photos/ --model resnet18 --try")
@click.argument("data")
@click.option("--model", default="auto", show_default=True, help="Network to train.")
@click.option("--weights", default="none", show_default=True, help="default, none, or a file.")
@click.option("--size", default="auto", show_default=True, help="Side of the pictures, pixels.")
@click.option("--batch", default="auto", show_default=True, help="Pictures per step.")
@click.option("--optimizer", default="auto", show_default=True, help="By its torch name.")
@click.option("--epochs", default="auto", show_default=True, help="Of the training: what pays.")
@click.option("--augment", default="auto", show_default=True, help="How pictures are varied.")
@click.option("--precision", default="auto", show_default=True, help="auto, fp32, bf16 or fp16.")
@click.option("--cache", default="auto", show_default=True, help="Decoded pictures: auto, on, off.")
@click.option("--workers", default="auto", show_default=True, help="Threads that decode.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--data-root", metavar="DIR", help="Where data sets known by name lie.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=10.0,
    show_default=True,
    help="About how long to measure.",
)
@click.option(
    "--try",
    "try_all",
    is_flag=True,
    help="Try each piece of advice, and torch.compile, and measure it.",
)
@output_options
def command(data: str, seconds: float, try_all: bool, as_json: bool, **settings: Any) -> int:
    """Where the time goes: data, forward, backward, optimizer, logging; the ceiling; what to change.

    DATA is what `lamp train` takes. Steps of a real training are measured beside its ceiling, which
    is the same step on a batch that is there already; what is learned is thrown away. Logging is
    counting right answers, looking at each step's figures and writing them down; other is the
    gradients' norm and what lies between. --try also builds the network with torch.compile and
    remembers what that brings: lamp train --compile auto goes by it.
    """
    from lamplighter.benching import bench_data
    from lamplighter.cli.screen import Screen, print_json
    from lamplighter.recipe import make_recipe

    given = {key: value for key, value in settings.items() if value not in (None, "auto")}
    screen = Screen()
    try:
        found = bench_data(
            make_recipe({"data": data, **given}),
            seconds=seconds,
            try_all=try_all,
            listener=screen,
        )
    finally:
        screen.close()
    if as_json:
        print_json(found.as_json())
    else:
        _print_bench(found)
    return 0


def _print_bench(found: Bench) -> None:
    told = found.as_json()
    print(
        f"{told['images_per_second']:,.0f} {found.unit} a second; the step alone could do "
        f"{told['ceiling']:,.0f}: {told['ratio']:.1%} of the ceiling"
    )
    print("shares: " + ", ".join(f"{name} {share:.1%}" for name, share in found.shares.items()))
    if told["load"] is not None and told["load"] > told["cores"] * 1.5:
        print(f"other work runs on this machine (load {told['load']}): these figures are too low")
    for advice in found.advice:
        print(f"advice: {advice.text}")
    if not found.advice:
        print("nothing here is worth changing")
    for row in found.tried:
        verdict = "helps" if row["helps"] else "does not help"
        foretold = row["predicted"]
        print(
            f"tried:  {row['flag']} {verdict}: {row['gain']:.2f} × "
            f"({row['images_per_second']:,.0f} a second"
            + (f"; predicted {foretold:.2f} ×)" if foretold else ")")
        )
        if "building" in row:
            print(f"        {_about_building(row)}")


def _about_building(row: Mapping[str, Any]) -> str:
    """What compiling costs, and what `--compile auto` makes of it."""
    told = f"building took {row['building']:.0f} s, losses within {max(row['apart'], 1e-6):.1g}"
    if row["pays_from"] is None:
        told += "; it never pays"
    else:
        told += (
            f"; it pays from {row['pays_from']:,} steps on, and this training has {row['steps']:,}"
        )
    if row["disturbed"]:
        return f"{told}; other work disturbed the turns, so this is not remembered: try again later"
    pays = row["pays_from"] is not None and row["pays_from"] <= row["steps"]
    return f"{told}: --compile auto turns it {'on' if pays else 'off'}"
