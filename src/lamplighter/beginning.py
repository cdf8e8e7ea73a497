"""How a run begins: its findings settled, its folder made, what is known written down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamplighter import run_folder
from lamplighter.checks.catalogue import allowed_codes
from lamplighter.checks.finding import Finding, allow, stopping, worst_first
from lamplighter.errors import AnswerIsNo
from lamplighter.listener import Listener
from lamplighter.ownership import FACT, code_named, signature
from lamplighter.recipe import Recipe, write_toml
from lamplighter.run_folder import RunFolder

UNREADABLE = ("D120", "D121", "D122")  # files without a picture that could be decoded


def refuse_early(recipe: Recipe, *, fresh: bool) -> None:
    """Says before hours are spent on the data what `recipe` names and is not there.

    Args:
        fresh: a new run, which needs a folder of its own.

    Raises:
        UsageError: the run's folder cannot be made, or there is no such network or code.
    """
    from lamplighter.models.build import find

    if fresh:
        run_folder.refuse_early(Path(recipe.out), recipe.name)
    if recipe.model != "auto":
        find(recipe.model)
    allowed_codes(recipe.allow)


def tell_processes(listener: Listener) -> None:
    """Warns where torchrun has started several processes: none knows of the others here."""
    count = os.environ.get("WORLD_SIZE", "1")
    if not count.isdecimal() or int(count) < 2 or os.environ.get("RANK", "0") != "0":
        return
    listener.warn(
        f"torchrun has started {count} processes, and each of them makes the whole training by itself, in a "
        "run folder of its own: one training is not shared between processes yet. Start it once, with python"
    )


def settle_findings(findings: list[Finding], recipe: Recipe, listener: Listener) -> list[Finding]:
    """Shows what the checks found and stops at errors that nobody allowed.

    Raises:
        AnswerIsNo: there are such errors.
    """
    settled = mark_allowed(findings, recipe)
    for finding in settled:
        if finding.level != "info":
            listener.finding(finding)
    stops = stopping(settled)
    if stops:
        codes = sorted({finding.code for finding in stops})
        raise AnswerIsNo(
            f"the checks found {len(stops)} error{'s' if len(stops) > 1 else ''} ({', '.join(codes)}); nothing was trained",
            where=recipe.data,
            fix=f"mend them (lamp explain {codes[0]}), or go on regardless: --allow {','.join(codes)}",
        )
    return settled


def mark_allowed(findings: list[Finding], recipe: Recipe) -> list[Finding]:
    """Worst first, those that the recipe allows marked as such."""
    left_out = dict.fromkeys(UNREADABLE, "left out, as --skip-unreadable asks")
    allowed = {**(left_out if recipe.skip_unreadable else {}), **allowed_codes(recipe.allow)}
    return worst_first(allow(findings, allowed))


def new_folder(recipe: Recipe, model: str) -> RunFolder:
    """The run's own folder, made now: `--name`, or named after data and network."""
    from lamplighter.training.choose import default_name

    name = recipe.name or default_name(recipe.data, model)
    return run_folder.create(Path(recipe.out), name, exact=recipe.name is not None)


def write_beginning(
    folder: RunFolder,
    asked: Recipe,
    resolved: Recipe,
    facts: Mapping[str, Any],
    findings: list[Finding],
) -> None:
    """What is known before the first step."""
    from lamplighter.machine import environment

    chosen = {
        key: value
        for key, value in vars(resolved).items()
        if getattr(asked, key) == "auto" and value != "auto"
    }
    folder.remove_leftovers()  # of a command that was killed before it came this far
    names = code_named(asked)
    signed = {**facts, **({FACT: signature(names)} if names else {})}
    folder.write_text(run_folder.RECIPE, write_toml(asked, chosen, signed))
    folder.write_json(run_folder.ENVIRONMENT, environment(resolved.seed, resolved.device))
    folder.write_json(run_folder.FINDINGS, [finding.as_json() for finding in findings])
    folder.write_status("running", epoch=0, best=None, reason="")
