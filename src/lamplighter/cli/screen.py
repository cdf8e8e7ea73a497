"""Everything printed: results on stdout, talk on stderr, progress on terminals and in notebooks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from lamplighter.checks.finding import Finding
from lamplighter.errors import LamplighterError
from lamplighter.listener import Bar, Listener
from lamplighter.run_folder import json_text
from lamplighter.version import __version__

PATHS_SHOWN = 3
_documents: ContextVar[TextIO | None] = ContextVar("documents", default=None)
COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def talk() -> Console:
    """The console for talk; made anew so that a redirected stderr is respected."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Text from outside without control characters, so that a class name cannot steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


@contextmanager
def documents_alone() -> Iterator[None]:
    """What anybody prints meanwhile, such as a network with print() in its forward, is talk.

    Only `print_json` reaches stdout, so that whoever reads it finds one document.
    """
    token = _documents.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _documents.reset(token)


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout; NaN and infinities become null, which JSON can hold."""
    text = json_text({"lamplighter": __version__, **document})
    stdout = _documents.get() or sys.stdout
    try:
        text.encode(stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # JSON can say every character in ASCII
        text = json.dumps(json.loads(text), indent=1)
    print(text, file=stdout, flush=True)  # whoever reads waits for it, as with lamp serve


def print_error(error: LamplighterError) -> None:
    """What was found, where, and the next thing to do, on stderr."""
    console = talk()
    where = f"[bold]{escape(printable(error.where))}[/]: " if error.where else ""
    console.print(f"[bold red]lamp: {error.kind}:[/] {where}{escape(printable(error.message))}")
    if error.fix:
        console.print(f"  → {escape(printable(error.fix))}")


def print_finding(
    finding: Finding, console: Console | None = None, *, most: int = PATHS_SHOWN
) -> None:
    """One finding in a few lines: what, where, what to do, and `most` of the files concerned."""
    console = console or talk()
    colour = COLOURS[finding.level]
    place = f"{finding.file}:{finding.line}: " if finding.file and finding.line else ""
    head = f"[{colour}]{finding.code} {finding.level}[/] {escape(printable(place + finding.where))}"
    console.print(f"{head}: {escape(printable(finding.message))}")
    if finding.fix:
        console.print(f"    → {escape(printable(finding.fix))}")
    shown = () if finding.level == "info" else finding.paths[:most]
    for path in shown:
        console.print(f"      {escape(printable(path))}")
    if shown and len(finding.paths) > most:
        console.print(f"      … {len(finding.paths) - most:,} more (lamp look lists them)")
    if finding.allowed:
        console.print(f"    allowed: {escape(printable(finding.allowed))}")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()
) -> None:
    """A table on stdout: ruled on a terminal, aligned plain text when piped.

    Args:
        columns: headings.
        rows: cells; None is shown as an empty cell.
        right: headings whose cells are figures, aligned to the right.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, justify="right" if name in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*[escape(cell) for cell in row])
        Console(highlight=False).print(table)
        return
    widths = [max([len(n), *(len(r[i]) for r in cells)]) for i, n in enumerate(columns)]
    for row in [list(columns), *cells]:
        aligned = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ]
        print("  ".join(aligned).rstrip())


class Screen(Listener):
    """Shows the work on stderr: bars on a terminal or in a notebook, plain lines when piped."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or talk()
        # in a notebook rich draws its bars with ipywidgets, and would only warn without them
        notebook = self.console.is_jupyter and find_spec("ipywidgets") is not None
        self.lively = self.console.is_terminal or notebook
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._heads: list[str] = []

    def say(self, text: str) -> None:
        self.console.print(escape(printable(text)))

    def warn(self, text: str) -> None:
        self.console.print(f"[yellow]warning:[/] {escape(printable(text))}")

    def finding(self, finding: Finding) -> None:
        print_finding(finding, self.console)

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Bar]:
        if not self.lively or total == 0:
            yield Bar()
            return
        progress = self._columns(transient=True)
        with progress:
            yield _RichBar(progress, progress.add_task(escape(what), total=total, told=""))

    def epoch_starts(self, epoch: int, epochs: int, steps: int) -> None:
        if not self.lively:
            return
        self._progress = self._columns(transient=True)
        self._progress.start()
        self._task = self._progress.add_task(f"epoch {epoch}/{epochs}", total=steps, told="")

    def step_done(self, step: int, figures: dict[str, float]) -> None:
        if self._progress is None or self._task is None:
            return
        told = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        self._progress.update(self._task, completed=step, told=told)

    def epoch_done(self, row: dict[str, Any]) -> None:
        self.close()
        shown = {**row}
        is_best = shown.pop("is_best", False)
        if not self._heads:
            self._heads = [key for key in EPOCH_COLUMNS if shown.get(key) is not None] + ["best"]
            self.console.print("[bold]" + "  ".join(_pad(_head(k), k) for k in self._heads) + "[/]")
        cells = [_pad(_cell(key, shown.get(key)), key) for key in self._heads[:-1]]
        self.console.print("  ".join([*cells, "  *" if is_best else ""]).rstrip())

    def close(self) -> None:
        """Takes an unfinished bar off the screen."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _columns(self, *, transient: bool) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[told]}"),
            console=self.console,
            transient=transient,
        )


class _RichBar(Bar):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress = progress
        self.task = task

    def advance(self, units: int = 1) -> None:
        self.progress.advance(self.task, units)


EPOCH_COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_f1", "val_mae", "val_r2", "lr", "images_per_second", "seconds",
)  # fmt: skip
_HEADS = {"images_per_second": "img/s", "seconds": "time"}


def _head(key: str) -> str:
    return _HEADS.get(key, key.replace("_", " "))


def _pad(text: str, key: str) -> str:
    return text.rjust(max(len(_head(key)), 7))


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if key == "epoch":
        return str(value)
    if key.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    if key == "lr":
        return f"{value:.2e}"
    if key == "images_per_second":
        return f"{value:,.0f}"
    if key == "seconds":
        return f"{value:.1f} s"
    return f"{value:.4f}"
