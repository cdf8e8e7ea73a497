"""The process in which a user's script runs under observation.

    python -m lamplighter.watch.child --result FILE [--steps N] [--seconds S] SCRIPT [ARGS…]

It writes one JSON document to FILE and says nothing itself.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import sys
import threading
import time
import traceback
import types
from pathlib import Path
from typing import Any

from lamplighter.watch.data.passes import Bounds
from lamplighter.watch.processes import gathered, tap_processes
from lamplighter.watch.watching import Watch

PATIENCE = 5  # seconds that the program gets to end after it was asked to


class EnoughSeen(BaseException):
    """Ends the observed program; no Exception, so that the program does not catch it."""


def main() -> int:
    """Runs the script and writes what was found."""
    asked = _arguments()
    run = ObservedRun(asked.script, asked.steps, asked.seconds, Path(asked.result))
    sys.argv = [asked.script, *asked.arguments]
    return run.go()


class ObservedRun:
    """One script from its first line to its end, or to the bound.

    Args:
        script: path of the file.
        steps: training steps to see in full, over two walks through the data; 0 cuts nothing short.
        seconds: wall-clock bound.
        result: where the document goes; its folder takes what further processes found.
    """

    def __init__(self, script: str, steps: int, seconds: float, result: Path) -> None:
        self.script = script
        self.seconds = seconds
        self.result = result
        self.batches = max(2, steps // 2) if steps else None
        self.bounds = Bounds(self.batches)
        self.watch = Watch(bounds=self.bounds, keep=True)
        self.started = time.monotonic()
        self.failure: dict[str, str] | None = None
        self.end = "finished"
        self.written = threading.Lock()
        self.over = threading.Event()
        self.asking = threading.Lock()  # held while the program is asked to end
        self.process = os.getpid()

    def go(self) -> int:
        """Runs to the end; the exit code is only for people, the document says more."""
        threading.Thread(target=self._mind_the_clock, daemon=True).start()
        self.watch.open()
        tap_processes(self.watch, self.result.parent, self.batches)
        try:
            self._run()
        except EnoughSeen:
            self.end = "enough"
        except SystemExit as end:
            self._ended_itself(end)
        except KeyboardInterrupt:
            self.end = "interrupted"
        except BaseException as error:
            self.end = "failed"
            self.failure = _told(error)
        if os.getpid() != self.process:
            os._exit(0)  # a forked child of the script; its parent tells the story
        self._ask_no_more()
        self.write()
        return 0 if self.end in ("finished", "enough") else 1

    def _run(self) -> None:
        path = Path(self.script).resolve()
        module = types.ModuleType("__main__")
        module.__file__ = self.script
        module.__dict__["__builtins__"] = __builtins__
        # Pickle, multiprocessing and `if __name__ == "__main__"` all look here.
        sys.modules["__main__"] = module
        sys.path[0] = str(path.parent)
        code = compile(path.read_bytes(), self.script, "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def _ended_itself(self, end: SystemExit) -> None:
        if end.code in (None, 0):
            return
        self.end = "failed"
        said = end.code if isinstance(end.code, str) else f"exit code {end.code}"
        self.failure = {"message": f"the script ended itself: {said}"}

    def write(self) -> None:
        """Writes the document once, completely or not at all."""
        if not self.written.acquire(blocking=False):
            return
        self.watch.world.whole = self.end == "finished"
        self.watch.close()
        temporary = self.result.with_suffix(".part")
        temporary.write_text(json.dumps(self.document()), encoding="utf-8")
        temporary.replace(self.result)

    def document(self) -> dict[str, Any]:
        """What the parent needs."""
        others, steps, faults = gathered(self.result.parent)
        own = self.watch.findings
        findings = list({(f.code, f.where, f.file, f.line): f for f in [*others, *own]}.values())
        return {
            "findings": [finding.as_json() for finding in findings],
            "checks": self.watch.checks,
            "steps": self.watch.steps + steps,
            "seconds": round(time.monotonic() - self.started, 3),
            "end": self.end,
            "cut": self.bounds.cut,
            "failure": self.failure,
            "faults": [*self.watch.faults, *faults],
        }

    def _mind_the_clock(self) -> None:
        if self.over.wait(max(0.1, self.seconds)):
            return
        for _ in range(PATIENCE):
            # Again each second: a bare `except:` in the program may have swallowed the last one.
            self._interrupt()
            if self.over.wait(1):
                return
        self.end = "enough"
        self.watch.stream.thread = threading.get_ident()
        self.write()
        os._exit(0)

    def _interrupt(self) -> None:
        with self.asking:
            if not self.over.is_set():
                _raise_in_main(EnoughSeen)

    def _ask_no_more(self) -> None:
        """The program has ended: what was to end it must not end the writing of what was found."""
        while not self.over.is_set():
            with contextlib.suppress(EnoughSeen), self.asking:
                self.over.set()
        # What was asked for and not yet raised is raised here, where it does no harm. Taken back with
        # NULL, CPython 3.11 would look for it ever after, and never get past a call that is traced.
        if threading.current_thread() is not threading.main_thread():
            return
        with contextlib.suppress(EnoughSeen):
            _raise_in_main(EnoughSeen)
            for _ in range(1000):
                pass


def _raise_in_main(exception: type[BaseException]) -> None:
    """Has the main thread raise this at its next line."""
    main = threading.main_thread().ident
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(main or 0), ctypes.py_object(exception)
    )


def _told(error: BaseException) -> dict[str, str]:
    trace = error.__traceback__
    while trace is not None and __file__ == trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, _without_ours(trace)))
    return {"message": f"{type(error).__name__}: {error}", "traceback": text}


def _without_ours(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The same traceback without the wrappers of this package, which only confuse."""
    if trace is None:
        return None
    rest = _without_ours(trace.tb_next)
    if Path(__file__).parent in Path(trace.tb_frame.f_code.co_filename).parents:
        return rest
    return types.TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lamplighter.watch.child")
    parser.add_argument("--result", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
