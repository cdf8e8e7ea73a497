"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--json` (passed on as `as_json`) and `--debug` (handled where errors end)."""
    command = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(
        command
    )
