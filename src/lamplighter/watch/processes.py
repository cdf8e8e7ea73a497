"""Processes that the user's script starts itself, for several devices: each is watched too."""

from __future__ import annotations

import json
import multiprocessing.process
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamplighter.checks.finding import Finding
from lamplighter.watch.data.passes import Bounds
from lamplighter.watch.network.replicas import Replicas
from lamplighter.watch.watching import Watch


class WatchedTarget:
    """What a new process runs in the place of the user's function; it can be pickled.

    Args:
        target: the user's function.
        folder: where the process leaves what it found.
        batches: as in `Bounds`.
    """

    def __init__(self, target: Callable[..., Any], folder: str, batches: int | None) -> None:
        self.target = target
        self.folder = folder
        self.batches = batches

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watching = Watch(bounds=Bounds(self.batches), keep=True)
        watching.open()
        try:
            return self.target(*args, **kwargs)
        finally:
            watching.close()
            path = Path(self.folder) / f"process-{os.getpid()}.json"
            path.write_text(json.dumps(leaf_of(watching)), encoding="utf-8")


def leaf_of(watching: Watch) -> dict[str, Any]:
    """What one process tells the one that started it."""
    return {
        "findings": [finding.as_json() for finding in watching.findings],
        "steps": watching.steps,
        "faults": watching.faults,
        "replicas": {
            name: digest
            for watcher in watching.watchers
            if isinstance(watcher, Replicas)
            for name, digest in watcher.digests.items()
        },
    }


def tap_processes(watching: Watch, folder: Path, batches: int | None) -> None:
    """Lets every process that the script starts watch itself; workers of loaders are left alone."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(self: Any, group: Any = None, target: Any = None, *args: Any, **kw: Any) -> Any:
            if target is not None and is_training_function(target, args, kw):
                target = WatchedTarget(target, str(folder), batches)
            return original(self, group, target, *args, **kw)

        return wrapped

    watching.taps.replace(multiprocessing.process.BaseProcess, "__init__", make)


def is_training_function(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a new process may train: it runs the user's function, itself or through `spawn`."""
    module = getattr(target, "__module__", "") or ""
    if module == "torch.multiprocessing.spawn":
        given = kwargs.get("args") or (args[1] if len(args) > 1 else ())
        return bool(given)
    return not module.startswith(("torch.", "multiprocessing.", "concurrent."))


def gathered(folder: Path) -> tuple[list[Finding], int, list[str]]:
    """What the started processes left behind.

    Returns:
        Findings, training steps of all processes, and faults of watchers.
    """
    findings: list[Finding] = []
    steps, faults = 0, []
    replicas: dict[str, set[str]] = {}
    for path in sorted(folder.glob("process-*.json")):
        leaf = json.loads(path.read_text(encoding="utf-8"))
        findings += [Finding(**(row | {"paths": tuple(row["paths"])})) for row in leaf["findings"]]
        steps += leaf["steps"]
        faults += leaf["faults"]
        for name, digest in leaf["replicas"].items():
            replicas.setdefault(name, set()).add(digest)
    apart = [name for name, digests in replicas.items() if len(digests) > 1]
    if apart:
        findings.append(_replicas_differ(min(apart, key=lambda name: int(name.split()[-1]))))
    return findings, steps, faults


def _replicas_differ(name: str) -> Finding:
    network, _, step = name.split()
    return Finding(
        "G101",
        "error",
        f"`{network}`",
        f"at step {step} the processes hold different weights, though DDP keeps them equal while "
        "it is called",
        "call the DDP object itself, not its .module, and change parameters in every process alike",
    )
