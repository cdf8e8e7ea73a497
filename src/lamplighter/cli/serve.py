"""`lamp serve RUN|MODEL`."""

from __future__ import annotations

import click

from lamplighter.cli.options import output_options


@click.command(epilog="Example: lamp serve runs/photos-resnet18 --port 8000")
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    help="Port; 0 takes a free one.",
    type=click.IntRange(0, 65535),
)
@click.option(
    "--token",
    envvar="LAMP_TOKEN",
    metavar="TEXT",
    help="Asked of every request; made up where others can reach the address. Better given as LAMP_TOKEN.",
)
@click.option(
    "--allow-host", "allowed", multiple=True, metavar="NAME", help="A name people reach this by."
)
@click.option("--own", "own_class", metavar="MODULE:CLASS", help="Your own network's class.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--examples/--no-examples",
    default=True,
    show_default=True,
    help="Show a few training pictures of each class, where a run is served.",
)
@output_options
def command(
    model: str,
    host: str,
    port: int,
    token: str | None,
    allowed: tuple[str, ...],
    own_class: str | None,
    device: str,
    examples: bool,
    as_json: bool,
) -> int:
    """A web page (drop a picture, see the answer and why) and an HTTP API.

    MODEL is a run's name or folder, or a model.safetensors file. Only this machine can reach it
    unless --host says otherwise; then a token is asked for. Ctrl-C or SIGTERM ends it.
    """
    from lamplighter import handover, named
    from lamplighter.cli.screen import Screen, print_json

    own = named.resolve(own_class, what="network") if own_class else None
    screen = Screen()

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            print(f"serving on {url}", flush=True)
        screen.say("Ctrl-C ends it")

    handover.serve(
        model, host=host, port=port, token=token or "", allowed=allowed, own=own, device=device,
        examples=examples, ready=ready, listener=screen,
    )  # fmt: skip
    screen.say("stopped")
    return 0
