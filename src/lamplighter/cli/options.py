"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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


def refuse_no_folder(flag: str, file: Path | None) -> None:
    """Says that a file cannot be written there before minutes are spent on what it is to hold.

    Raises:
        UsageError: the file's folder is not there.
    """
    from lamplighter.errors import UsageError

    if file is not None and not file.parent.is_dir():
        raise UsageError(
            f"there is no folder {file.parent} to write {file.name} to",
            where=flag,
            fix=f"mkdir -p {file.parent}, or name another file",
        )
