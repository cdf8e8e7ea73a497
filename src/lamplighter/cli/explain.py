"""`lamp explain`: a finding code, a layer, or an error text."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from lamplighter.explain.codes import CodePage
    from lamplighter.explain.kind import Explanation
    from lamplighter.explain.layers import LayerExplanation


@click.command()
@click.argument("what", metavar="WHAT")
@click.argument("settings", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--input", "shape", metavar="SHAPE", default="", help="One sample: 3x32x32.")
@output_options
def command(what: str, settings: tuple[str, ...], shape: str, as_json: bool) -> int:
    """A finding code (M104, or M for the family), a layer, or an error text (- reads a pipe).

    \b
    lamp explain M104
    lamp explain Conv2d --input 3x32x32 out_channels=32 kernel_size=5 padding=2
    python train.py 2>&1 | lamp explain -
    """
    from lamplighter.explain.codes import explain_code, list_family, looks_like_code

    if what == "-":
        return _show_error(sys.stdin.read(), as_json)
    if not settings and not shape and looks_like_code(what):
        pages = list_family(what) if len(what) == 1 else [explain_code(what)]
        return _show_codes(pages, as_json)
    is_file = os.path.isfile(what)  # noqa: PTH113 an error's text may be too long for a path
    if not settings and not shape and (" " in what or is_file):
        text = Path(what).read_text("utf-8", "replace") if is_file else what
        return _show_error(text, as_json)
    return _show_layer(what, shape, settings, as_json)


def _show_error(text: str, as_json: bool) -> int:
    from lamplighter.cli.screen import print_json, printable, talk
    from lamplighter.errors import UsageError
    from lamplighter.explain import explain_traceback, last_line

    if not text.strip():
        raise UsageError(
            "no text came", where="lamp explain -", fix="python train.py 2>&1 | lamp explain -"
        )
    found = explain_traceback(text)
    if as_json:
        known = found.as_json() if found else None
        print_json({"explanation": known, "last_line": last_line(text)})
    elif found is None:
        talk().print(f"not known; the last line is: {printable(last_line(text))}", markup=False)
    else:
        print("\n".join(printable(line) for line in _error_lines(found)))
    return 0 if found else 1


def _error_lines(found: Explanation) -> list[str]:
    lines = [found.title, f"  {found.error}", "", "What it means", *_wrapped(found.meaning)]
    if found.where or found.layer:
        lines += ["", "Where"]
        lines += [f"  {found.where}"] if found.where else []
        lines += [f"  layer: {found.layer}"] if found.layer else []
    lines += ["", "Usual fixes", *[f"  {fix}" for fix in found.fixes]]
    if found.notes:
        lines += ["", *found.notes]
    return lines


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="  ")


def _show_codes(pages: list[CodePage], as_json: bool) -> int:
    from lamplighter.cli.screen import print_json, print_table

    if as_json and len(pages) == 1:
        print_json(pages[0].as_json())
    elif as_json:
        print_json({"codes": [page.as_json() for page in pages]})
    elif len(pages) == 1 and pages[0].text:
        page = pages[0]
        if not page.text.lstrip().startswith("#"):
            print(f"{page.code} ({page.level}): {page.title}\n")
        print(page.text.rstrip())
    elif len(pages) == 1:
        planned = "" if pages[0].ready else " Nothing looks for it yet."
        print(f"{pages[0].code} ({pages[0].level}): {pages[0].title}.{planned}")
    else:
        rows = [(p.code, p.level, p.title, "" if p.ready else "planned") for p in pages]
        print_table(("code", "level", "title", ""), rows)
    return 0


def _show_layer(what: str, shape: str, settings: tuple[str, ...], as_json: bool) -> int:
    from lamplighter.cli.screen import print_json
    from lamplighter.explain.layers import explain_layer

    found = explain_layer(what, shape, _read_settings(settings))
    if as_json:
        print_json(found.as_json())
    else:
        print("\n".join(_layer_lines(found)))
    return 0


def _read_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    from lamplighter.errors import UsageError

    read = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(
                f"expected NAME=VALUE, got {setting!r}",
                where="lamp explain",
                fix="lamp explain Conv2d --input 3x32x32 out_channels=32 kernel_size=5",
            )
        read[name] = value
    return read


def _layer_lines(found: LayerExplanation) -> list[str]:
    lines = [f"nn.{found.signature}", *_wrapped(found.says), ""]
    if found.takes:
        lines += ["takes", *_wrapped(found.takes), ""]
    width = max((len(a.name) for a in found.arguments), default=0)
    for a in found.arguments:
        value = "(needed)" if a.source == "needed" else f"{a.value!r:<10} {a.source}"
        other = f", default {a.default}" if a.source == "given" and a.default else ""
        lines.append(f"  {a.name:<{width}}  {value}{other}")
    if found.output:
        lines += ["", f"{found.input}  →  {found.output}"]
        lines += [f"  {line}" for line in found.formula]
    if found.parameters:
        lines += ["", f"{found.count:,} parameters"]
        lines += [
            f"  {name}  {'×'.join(map(str, shape))}  {count:,}"
            for name, shape, count in found.parameters
        ]
    return [*lines, *(["", *found.notes] if found.notes else [])]
