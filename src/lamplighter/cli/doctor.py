"""`lamp doctor`: is this machine ready, and what is this model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.options import output_options

if TYPE_CHECKING:
    from lamplighter.doctor import Diagnosis
    from lamplighter.explain.model_file import ModelFile


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@output_options
def command(file: str | None, as_json: bool) -> int:
    """Is this machine ready? With FILE: what a model file is and whether opening it runs code.

    Nothing is installed, changed or opened. Exit code 1: there are problems, or the file would run
    code (or nobody can say).
    """
    return _show_file(file, as_json) if file is not None else _show_machine(as_json)


def _show_machine(as_json: bool) -> int:
    from lamplighter.cli.screen import print_json, printable
    from lamplighter.doctor import examine

    found = examine()
    if as_json:
        print_json(found.as_json())
    else:
        print("\n".join(printable(line) for line in _machine_lines(found)))
    return 1 if found.problems else 0


def _machine_lines(found: Diagnosis) -> list[str]:
    memory = found.memory
    cuda = f"built for CUDA {found.cuda['build']}" if found.cuda["build"] else "built without CUDA"
    driver = f", driver {found.cuda['driver']}" if found.cuda["driver"] else ""
    lines = [
        f"system       {found.system}",
        f"python       {found.python}",
        f"torch        {found.torch or 'does not work'}  ({cuda}{driver})"
        if found.torch
        else "torch        does not work",
        f"torchvision  {found.torchvision or 'does not work'}",
        f"cores        {found.cores}",
        f"memory       {_gibi(memory['available'])} free of {_gibi(memory['total'])}",
    ]
    if memory["shm"] is not None:
        lines.append(f"/dev/shm     {_gibi(memory['shm_free'])} free of {_gibi(memory['shm'])}")
    lines.append(f"disk         {_gibi(memory['disk_free'])} free here")
    lines.append(f"cache        {_gibi(memory['cache_free'])} free in {memory['cache']}")
    lines += [_device_line(device) for device in found.devices]
    lines += [f"note         {note}" for note in found.notes]
    lines.append("")
    if not found.problems:
        return [*lines, "ok: ready to train"]
    count = len(found.problems)
    lines.append("1 problem:" if count == 1 else f"{count} problems:")
    for problem in found.problems:
        lines += [f"  {problem.what}", f"    → {problem.fix}"]
    return lines


def _device_line(device: dict[str, Any]) -> str:
    size = f", {_gibi(device['memory'])}" if device["memory"] else ""
    works = "computes" if device["kernel"] == "ok" else f"does not compute: {device['kernel']}"
    return f"device       {device['kind']}: {device['name']}{size}, {works}"


def _gibi(number: int | None) -> str:
    return "unknown" if number is None else f"{number / 2**30:.1f} GiB"


def _show_file(file: str, as_json: bool) -> int:
    from lamplighter.cli.screen import print_json, printable
    from lamplighter.explain.model_files import examine_file

    found = examine_file(file)
    if as_json:
        print_json(found.as_json())
    else:
        print("\n".join(printable(line) for line in _file_lines(found)))
    return 0 if found.runs_code is False else 1


def _file_lines(found: ModelFile) -> list[str]:
    verdict = {
        "safe": "opening it runs no code",
        "runs code": "OPENING IT RUNS CODE",
        "unknown": "whether opening it runs code cannot be said",
    }[found.verdict]
    lines = [f"{found.path}: {found.title}", f"  {verdict}", f"  {found.says}"]
    if found.imports and found.verdict != "safe":
        shown = ", ".join(found.imports[:12])
        lines.append(f"  it would import: {shown}{', …' if len(found.imports) > 12 else ''}")
    return [*lines, *([f"  → {found.fix}"] if found.fix else [])]
