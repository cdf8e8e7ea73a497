"""A process that has imported everything and trained nothing, and forks a `lamp` for each request.

A fresh `lamp` spends seconds on importing torch; a fork of this one begins at once, so that
hundreds of them can be killed. One request a line on stdin, one answer a line on stdout:

    {"start": [arguments], "cwd": …, "plan": [fault, …], "log": path}  →  pid
    {"wait": pid}                                                      →  exit code, -9 for a kill

A fault is {"at": "module:function", "call": n, "do": […], "after": bool}: at the n-th call of the
function, the signals named in `do` are sent to this very process, or an OSError of that name is
raised; with "every", at the n-th call and all later ones; with "once", a pattern of paths, not
before one is there: files are written while the training goes on, by another thread.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

PRELOAD = (
    "torch", "torchvision", "sklearn.datasets", "sklearn.model_selection", "safetensors.torch",
    "lamplighter.stages", "lamplighter.finish", "lamplighter.sitting", "lamplighter.cli",
    "lamplighter.cli.train", "lamplighter.cli.screen", "lamplighter.cli.told",
    "lamplighter.own_training", "lamplighter.checks.check", "lamplighter.look.verdict",
    "lamplighter.training.prepare", "lamplighter.data.sources", "pydantic", "jinja2",
    "torch.utils.tensorboard", "torch.utils.data", "lamplighter.predict", "lamplighter.recipe",
)  # fmt: skip


def inject(fault: dict[str, Any]) -> None:
    """Puts a fault at a call of a function."""
    module_name, _, name = fault["at"].partition(":")
    owner: Any = importlib.import_module(module_name)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, last)
    calls = 0

    def faulty(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        now = calls == fault["call"] or (fault.get("every") and calls > fault["call"])
        if now and "once" in fault:
            wait_for(fault["once"])
        if now and not fault.get("after"):
            act(fault["do"])
        result = original(*arguments, **named)
        if now and fault.get("after"):
            act(fault["do"])
        return result

    setattr(owner, last, faulty)


def wait_for(pattern: str) -> None:
    """Until a path under the working folder fits; the other threads go on meanwhile."""
    began = time.monotonic()
    while not any(Path().glob(pattern)):
        if time.monotonic() - began > 60:
            raise TimeoutError(f"nothing like {pattern} came")
        time.sleep(0.005)


def act(what: list[str]) -> None:
    """Sends signals to this process, or raises."""
    for name in what:
        if name.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, name))
        elif name.startswith("E"):
            number = getattr(errno, name)
            raise OSError(number, os.strerror(number))
        else:
            raise RuntimeError(name)


def run(request: dict[str, Any]) -> None:
    """The child: its own group, its own output, then the command line."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(0)
    os.chdir(request["cwd"])
    sys.path.insert(0, request["cwd"])
    for fault in request.get("plan", []):
        inject(fault)
    from lamplighter import cli

    code = cli.run(request["start"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Serves requests until stdin ends."""
    for name in PRELOAD:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if not pid:
            try:
                run(request)
            finally:
                os._exit(70)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
