"""Reading what Python, IPython, rich and torchrun print when a program fails.

The text may come from a terminal, a log of several ranks or a notebook: colours, rank prefixes and
boxes are taken off first, then frames and error lines are picked out in the order they were
printed. Nothing is imported or run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# a log of many hours may be piped in; the error is at its end
MOST_CHARACTERS = 2_000_000
# bounds for the patterns, some of which look far ahead: a text of look-alikes stays cheap
MOST_MESSAGE = 20_000
MOST_LINE = 2_000
MOST_ERRORS = 50

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_RANK = re.compile(r"^\s*(?:\[\d+\]\s+)?\[(?:rank)?\d+\]:[ ]?(?!\[)", re.IGNORECASE)
_TORCHRUN = re.compile(r"^\[?(?:default)?\d+\]:(?=\s|[A-Z])")
_BOX = re.compile(r"^[ ]*│[ ]?(.*?)[ ]*│?$")
_RULE = re.compile(r"^[╭╰┌└─]")

_PYTHON = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_IPYTHON = re.compile(r"^File (?P<file>\S.*?):(?P<line>\d+)(?:, in (?P<function>.+))?$")
_CELL = re.compile(
    r"^(?:Input In|Cell In|Input)\s?\[(?P<cell>\d+)\](?:, line (?P<line>\d+)|, in .*)?"
)
_OLD_CELL = re.compile(r"^(?P<file><ipython-input-[^>]+>|[~/\w].*\.py) in (?P<function>[^\n]+)$")
_ARROW = re.compile(r"^-+> ?(?P<line>\d+) ?(?P<code>.*)$")
_RICH = re.compile(
    r"^(?P<file>(?:[A-Za-z]:)?[\w~/\\.][^│]*\.py):\s?(?P<line>\d+) in (?P<function>\S+)$"
)
_RICH_CODE = re.compile(r"^❱\s+(?P<line>\d+) │?\s*(?P<code>.*)$")

_ERROR = re.compile(
    r"^(?:E\s+)?(?P<name>(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Iteration|Unsupported|Failed)|"
    r"Unsupported|BackendCompilerFailed))(?::[ ]?(?P<message>.*))?$"
)
_WARNING = re.compile(r"^(?:.*?:\d+: )?(?P<name>(?:[A-Za-z_]\w*\.)*\w*Warning): (?P<message>.*)$")
_BREAK = re.compile(
    r"^(?:Traceback \(most recent call last\)|Original Traceback|During handling of the above|"
    r"The above exception was the direct cause)"
)
# what belongs to nobody: the interpreter's own library, installed packages, generated code
_FOREIGN = re.compile(
    r"(?:^|[\\/])(?:site-packages|dist-packages)[\\/]|[\\/]lib(?:64)?[\\/]python\d|[\\/]Lib[\\/](?!site)|"
    r"^<(?:frozen|string|stdin|__array_function__|eval_with_key)|[\\/]bin[\\/](?:torchrun|accelerate)|"
    r"[\\/](?:torch|torchvision)[\\/](?:nn|utils|optim|autograd|_dynamo|_inductor|distributed|transforms|datasets|_tensor)"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One place in a traceback: file, line (from 1), function and the code shown for it."""

    file: str
    line: int
    function: str = ""
    code: str = ""

    @property
    def own(self) -> bool:
        """Whether it looks like the person's own code, not an installed package."""
        return not _FOREIGN.search(self.file)


@dataclass(frozen=True, slots=True)
class Raised:
    """One error as printed: its type, its whole message, and the frames before it."""

    name: str
    message: str
    frames: tuple[Frame, ...] = ()
    is_warning: bool = False

    @property
    def short(self) -> str:
        """Type and first line of the message."""
        first = self.message.strip().split("\n")[0]
        return f"{self.name}: {first}" if first else self.name


@dataclass(frozen=True, slots=True)
class Trace:
    """A failed program's output, read.

    Args:
        text: the text without colours, prefixes and boxes.
        errors: errors in the order they were printed; warnings among them are marked.
    """

    text: str
    errors: tuple[Raised, ...]

    @property
    def last_line(self) -> str:
        """The line most likely to name the failure."""
        raised = [e for e in self.errors if not e.is_warning]
        if raised:
            return raised[-1].short
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def passes(self, *parts: str) -> bool:
        """Whether a frame's file ends with one of `parts`, such as "nn/modules/linear.py"."""
        return any(
            frame.file.replace("\\", "/").endswith(parts) for e in self.errors for frame in e.frames
        )


def read_trace(text: str) -> Trace:
    """Reads the output of a failed program.

    Args:
        text: anything printed: a message, a traceback, several of them, a whole log.
    """
    clean = _clean(text[-MOST_CHARACTERS:])
    lines = clean.split("\n")
    errors: list[Raised] = []
    frames: list[Frame] = []
    at = 0
    while at < len(lines):
        frame, used = _read_frame(lines, at)
        if frame is not None:
            frames.append(frame)
            at += used
            continue
        found = _ERROR.match(lines[at]) or _WARNING.match(lines[at])
        if found is None or lines[at].startswith("    "):
            at += 1
            continue
        end = _message_end(lines, at + 1)
        message = "\n".join([found["message"] or "", *lines[at + 1 : end]])[:MOST_MESSAGE].rstrip()
        is_warning = found["name"].endswith("Warning") and not frames
        errors.append(Raised(found["name"], message, tuple(frames), is_warning))
        frames = []
        at = end
    return Trace(clean, tuple(errors[-MOST_ERRORS:]))


def _clean(text: str) -> str:
    lines = []
    for raw in _ANSI.sub("", text).replace("\r\n", "\n").split("\n"):
        line = _TORCHRUN.sub("", _RANK.sub("", raw.rsplit("\r", 1)[-1]))
        if _RULE.match(line.strip()):
            continue
        line = line[:MOST_LINE]
        boxed = _BOX.match(line)
        lines.append(boxed[1] if boxed else line)
    return "\n".join(lines)


def _read_frame(lines: list[str], at: int) -> tuple[Frame | None, int]:
    """The frame that begins at line `at`, and how many lines it takes."""
    line = lines[at]
    if found := _PYTHON.match(line):
        code, used = _code_below(lines, at + 1)
        return Frame(found["file"], int(found["line"]), found["function"] or "", code), 1 + used
    if found := _CELL.match(line):
        number, code, used = _arrow_below(lines, at + 1)
        line_number = int(found["line"]) if found["line"] else number
        return Frame(f"notebook cell {found['cell']}", line_number, "<module>", code), 1 + used
    if (found := _RICH.match(line.strip())) or (found := _IPYTHON.match(line)):
        number, code, used = _arrow_below(lines, at + 1)
        return Frame(found["file"], int(found["line"]), found["function"] or "", code), 1 + used
    if found := _OLD_CELL.match(line):
        number, code, used = _arrow_below(lines, at + 1)
        if number:
            return Frame(found["file"], number, found["function"], code), 1 + used
    return None, 0


def _code_below(lines: list[str], at: int) -> tuple[str, int]:
    """The indented source line after a frame, and the marker line under it."""
    if at >= len(lines) or not lines[at].startswith("    ") or _PYTHON.match(lines[at]):
        return "", 0
    used = 1
    while at + used < len(lines) and re.fullmatch(r"\s+[\^~]+\s*|\s+\.\.\.<.*", lines[at + used]):
        used += 1
    return lines[at].strip(), used


def _arrow_below(lines: list[str], at: int) -> tuple[int, str, int]:
    """The line marked with an arrow in the excerpt after a notebook's or rich's frame."""
    for used, line in enumerate(lines[at : at + 14], start=1):
        if found := _ARROW.match(line) or _RICH_CODE.match(line.strip()):
            return int(found["line"]), found["code"].strip(), used
        if _ERROR.match(line) or _PYTHON.match(line) or _IPYTHON.match(line):
            break
    return 0, "", 0


def _message_end(lines: list[str], at: int) -> int:
    """Where a message of several lines ends: at the next traceback, frame or error."""
    while at < len(lines):
        line = lines[at]
        starts = _BREAK.match(line) or _PYTHON.match(line) or _ERROR.match(line)
        if starts or _WARNING.match(line) or line.startswith("-----"):
            return at
        at += 1
    return at
