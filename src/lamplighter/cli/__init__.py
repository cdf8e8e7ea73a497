"""The command line: a table of commands, loaded one at a time, and one place where errors end.

Only this room prints. `lamp --help` answers without importing torch: the table holds each
command's module and its line of help, and a module is imported when its command is called.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from lamplighter.errors import Interrupted, LamplighterError, did_you_mean
from lamplighter.machine import bound_spinning
from lamplighter.version import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("lamplighter.cli.doctor", "Is this machine ready? What is this model file?"),
    "look": ("lamplighter.cli.look", "A verdict on the data before anything is trained"),
    "models": ("lamplighter.cli.models", "Networks by name"),
    "model": ("lamplighter.cli.model", "One network, layer by layer"),
    "explain": ("lamplighter.cli.explain", "A finding code, a layer, or an error text"),
    "check": ("lamplighter.cli.check", "Silent mistakes, found before training or in a script"),
    "train": ("lamplighter.cli.train", "From data to a model, checked and reported"),
    "evaluate": ("lamplighter.cli.evaluate", "The truth about a model on a split or on new data"),
    "compare": ("lamplighter.cli.compare", "Is run B better than run A, and how surely"),
    "predict": ("lamplighter.cli.predict", "Answers for files and folders"),
    "export": ("lamplighter.cli.export", "A file for other runtimes, proved to agree"),
    "eject": ("lamplighter.cli.eject", "One file of plain PyTorch that repeats a run"),
    "serve": ("lamplighter.cli.serve", "A page that answers for pictures, and an HTTP API"),
    "bench": ("lamplighter.cli.bench", "Where the time goes, and what would change it"),
    "runs": ("lamplighter.cli.runs", "The runs side by side"),
    "board": ("lamplighter.cli.board", "TensorBoard on the runs"),
}


class CommandTable(click.Group):
    """A group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[name][0]).command
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"there is no command {args[0]!r}.{near}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: lamp train digits",
)
@click.version_option(__version__, prog_name="lamp")
def lamp() -> None:
    """From data to a PyTorch model that you can trust."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with the exit code of DESIGN's table."""
    bound_spinning()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a file's name may hold what this terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; every error becomes one message here."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json, debug = "--json" in own, "--debug" in own
    try:
        with _documents_alone() if as_json else contextlib.nullcontext():
            result = lamp.main(arguments, prog_name="lamp", standalone_mode=False)
        sys.stdout.flush()  # a reader that went away is met here, not while Python shuts down
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as fault:
        print(fault.format_message(), file=sys.stderr)
        return 2
    except click.ClickException as fault:
        return _end_usage(fault, as_json)
    except LamplighterError as error:
        if debug:
            traceback.print_exc()
        return _end(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        return _end(Interrupted("stopped by the keyboard"), as_json)
    except BrokenPipeError:
        # the reader of our output went away (`| head`): nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit:
        if type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):  # click met the same, and ends
            return 0
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _end(_unforeseen(error), as_json)


def _documents_alone() -> contextlib.AbstractContextManager[None]:
    from lamplighter.cli.screen import documents_alone

    return documents_alone()


def _end_usage(fault: click.ClickException, as_json: bool) -> int:
    context = getattr(fault, "ctx", None)
    command = context.command_path if context else "lamp"
    if as_json:
        from lamplighter.errors import UsageError

        return _end(UsageError(fault.format_message(), fix=f"{command} --help"), as_json)
    # what was typed may hold a file's name with control characters (the shell fills in `*`)
    told = "".join(
        c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in fault.format_message()
    )
    print(f"lamp: {told}", file=sys.stderr)
    print(f"      {command} --help", file=sys.stderr)
    return 2


def _end(error: LamplighterError, as_json: bool) -> int:
    from lamplighter.cli.screen import print_error, print_json

    print_error(error)
    if as_json:
        print_json({"error": error.as_json()})
    return error.exit_code


def _unforeseen(error: Exception) -> LamplighterError:
    """An error that no room translated, with what the explain room knows about its text."""
    from lamplighter.errors import RunFailed
    from lamplighter.explain import explain_traceback

    text = "".join(traceback.format_exception(error))
    known: Any = explain_traceback(text)
    last = f"{type(error).__name__}: {error}"
    meaning = f"\n{known.meaning}" if known is not None else ""
    fix = "\n".join(known.fixes) if known is not None else ""
    return RunFailed(last + meaning, fix=fix or "run it again with --debug for the traceback")
