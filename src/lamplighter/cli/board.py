"""`lamp board [RUNS]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

KEPT = 1_000_000  # steps of each kind


@click.command(epilog="Example: lamp board runs --port 6007")
@click.argument("out", default="runs", type=Path)
@click.option("--port", default=6006, show_default=True, help="Where it listens.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Only this machine by default."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors.")
def command(out: Path, port: int, host: str) -> None:
    """TensorBoard on the runs, with every step of every picture kept."""
    from lamplighter.errors import UsageError

    if not out.is_dir():
        raise UsageError("there is no such folder of runs", where=out, fix="lamp train digits")
    arguments = [
        sys.executable, "-m", "tensorboard.main", "--logdir", str(out), "--port", str(port), "--host", host,
        # by default TensorBoard keeps ten steps of pictures and a thousand of scalars; 0, documented
        # as "all", shows none with the fast loader of TensorBoard 2.21
        "--samples_per_plugin", ",".join(f"{kind}={KEPT}" for kind in ("images", "scalars", "text")),
    ]  # fmt: skip
    print(f"TensorBoard on {out}: http://{host}:{port} (Ctrl-C ends it)", file=sys.stderr)
    os.execv(sys.executable, arguments)
