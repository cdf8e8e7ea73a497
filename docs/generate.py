"""Writes the pages that are made from the source: `make docs`, or `python docs/generate.py`.

Each page is one function that returns its text; tests/house/test_docs.py compares the pages with
what the functions say today, so that a new flag or setting cannot be forgotten.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).parent
WIDTH = 92  # columns of the help texts in commands.md
MADE = "<!-- made by docs/generate.py from the source: change the source, then `make docs` -->\n\n"


def commands_page() -> str:
    """Every command's help, as the terminal shows it."""
    from lamplighter.cli import COMMANDS, lamp

    parts = [MADE + "# Commands\n"]
    parts.append(
        "Results are on stdout, talk on stderr. With `--json` one JSON document is on stdout and "
        "nothing else.\n\n"
        "| exit code | meaning |\n|---|---|\n"
        "| 0 | done |\n"
        "| 1 | the answer is no: findings at error level, no agreement |\n"
        "| 2 | a flag, a name or the recipe is wrong |\n"
        "| 3 | the data cannot be used |\n"
        "| 4 | the model or its file cannot be used |\n"
        "| 5 | the run failed: diverged, out of memory with nothing left to try, disk full |\n"
        "| 130, 143 | interrupted by Ctrl-C, by SIGTERM |\n\n"
        "| variable of the environment | meaning |\n|---|---|\n"
        "| `LAMPLIGHTER_CACHE` | the folder that keeps decoded pictures, facts of earlier looks and "
        "measurements; by default `lamplighter` in the user's cache folder |\n"
        "| `LAMP_TOKEN` | the token of `lamp serve` |\n"
    )
    parts.append(_help_block(lamp, "lamp"))
    for name, (module, line) in COMMANDS.items():
        command = importlib.import_module(module).command
        parts.append(f"## lamp {name}\n\n{line}.\n\n".replace("?.", "?"))
        parts[-1] += _help_block(command, f"lamp {name}")
    return "\n".join(parts)


def _help_block(command: click.Command, name: str) -> str:
    command = copy.copy(command)
    # click keeps the help flag that it made first, with the names of whoever called first
    command._help_option = None
    context = click.Context(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, color=False,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "```text\n" + "\n".join(lines) + "\n```\n"


def recipes_page() -> str:
    """Every setting: its key, default, what it accepts, what it means."""
    from lamplighter.asked import BUILT_IN
    from lamplighter.recipe import FIELDS

    parts = [MADE + "# Recipes\n"]
    parts.append(
        "A recipe is everything that can be asked of a training. The same settings are flags of "
        "`lamp train` (`--val-share 0.2`), keyword arguments of `lamp.train` (`val_share=0.2`) and "
        "keys of a TOML file:\n\n"
        '```toml\n# photos.toml\ndata = "photos/"\nmodel = "resnet18"\nepochs = 10\nlr = 0.01\n```\n\n'
        "```sh\nlamp train --recipe photos.toml --epochs 20   # a flag wins over the file\n```\n\n"
        "Every wrong key and value is told in one answer. `auto` is decided when the data and the "
        "machine are known; what it became is printed and kept in the run's `recipe.toml` under "
        "`[resolved]`. That file is a recipe itself: `lamp train --recipe runs/NAME/recipe.toml` "
        "repeats the run.\n"
    )
    parts.append(
        "A recipe may also be given by name: `lamp train cifar10 --recipe speed`, or "
        '`lamp.train("cifar10", recipe="speed")`. It sets what stands here, and what is typed wins '
        "over it. How it was chosen, what it reaches and where it comes from: "
        "[The recipe speed](speed-recipe.md).\n"
    )
    for name, settings in BUILT_IN.items():
        rows = [f"| `{key}` | `{value}` |" for key, value in settings.items()]
        parts.append("\n".join([f"| {name} | sets |", "|---|---|", *rows]) + "\n")
    sections: dict[str, list[Any]] = {}
    for field in FIELDS.values():
        sections.setdefault(field.metadata["section"], []).append(field)
    for section, fields in sections.items():
        rows = [
            f"| `{field.name}` | {_default(field.default)} | {field.metadata['expects']} "
            f"| {field.metadata['help']} |"
            for field in fields
        ]
        head = "| key | default | accepts | what it is |\n|---|---|---|---|"
        parts.append(f"## {section.capitalize()}\n\n" + "\n".join([head, *rows]) + "\n")
    return "\n".join(parts)


def _default(value: object) -> str:
    if value in (None, "", ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def reference_page() -> str:
    """The public names of the package with their signatures and docstrings."""
    import lamplighter

    parts = [MADE + "# Python reference\n\n`import lamplighter as lamp`\n"]
    for name in sorted(lamplighter.__all__, key=str.lower):
        thing = getattr(lamplighter, name)
        if inspect.ismodule(thing):
            doc = inspect.getdoc(thing) or ""
            parts.append(f"## lamp.{name}\n\n```text\n{doc}\n```\n")
        elif inspect.isclass(thing) or inspect.isroutine(thing):
            parts.append("\n".join(_entries(f"lamp.{name}", thing)))
    return "\n".join(parts)


def _entries(name: str, thing: Any, level: int = 2) -> Iterator[str]:
    """A heading, the signature and the docstring; for a class also its public methods."""
    kind = "class " if inspect.isclass(thing) else ""
    yield f"{'#' * level} {name}\n"
    yield f"```python\n{kind}{name}{_signature(thing)}\n```\n"
    yield f"```text\n{inspect.getdoc(thing) or ''}\n```\n"
    if not inspect.isclass(thing):
        return
    for method, found in vars(thing).items():
        plain = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if method.startswith("_") or not inspect.isroutine(plain) or not plain.__doc__:
            continue
        yield from _entries(f"{name}.{method}", plain, level + 1)


def _signature(thing: Any) -> str:
    """The signature as it is written, one argument per line where it is long."""
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are kept as quoted text
    text = re.sub(r"<[\w.]*?(\w+) object at 0x[0-9a-f]+>", r"\1()", text)
    if len(text) <= WIDTH - 10:
        return text
    arguments, arrow, returns = text.rpartition(" -> ")
    return f"(\n{_one_per_line(arguments or returns)}\n)" + (arrow + returns if arguments else "")


def _one_per_line(arguments: str) -> str:
    """ "(a: X, b: Y[Z, W])" parted at the commas outside brackets."""
    depth, start, parts = 0, 1, []
    for place, letter in enumerate(arguments[1:-1], start=1):
        depth += letter in "[({"
        depth -= letter in "])}"
        if letter == "," and depth == 0:
            parts.append(arguments[start:place].strip())
            start = place + 1
    parts.append(arguments[start:-1].strip())
    return "\n".join(f"    {part}," for part in parts)


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "recipes.md": recipes_page,
    "reference.md": reference_page,
}


def main() -> None:
    """Writes every page that has changed."""
    for name, make in PAGES.items():
        page, text = DOCS / name, make()
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: docs/{name}")


if __name__ == "__main__":
    main()
