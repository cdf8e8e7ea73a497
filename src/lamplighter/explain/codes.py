"""The page of a finding code, as `lamp explain M104` prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from lamplighter.checks.catalogue import CATALOGUE, FAMILIES
from lamplighter.errors import UnknownName

_CODE = re.compile(r"[A-Za-z]\d{3}")


@dataclass(frozen=True, slots=True)
class CodePage:
    """One finding code, explained.

    Args:
        code: such as "M104".
        level: "error", "warning" or "info"; empty if the catalogue does not say.
        title: what is wrong, in a few words.
        text: the page in Markdown; empty if there is none yet.
        ready: whether a check looks for it; False for codes that are only planned.
    """

    code: str
    level: str
    title: str
    text: str
    ready: bool = True

    def as_json(self) -> dict[str, str | bool]:
        """The form that `lamp explain CODE --json` prints."""
        return {
            "code": self.code,
            "level": self.level,
            "title": self.title,
            "text": self.text,
            "ready": self.ready,
        }


def looks_like_code(text: str) -> bool:
    """Whether `text` has the form of a finding code or is a family letter."""
    return bool(_CODE.fullmatch(text)) or text.upper() in FAMILIES


def explain_code(code: str) -> CodePage:
    """The page of a finding code.

    Args:
        code: such as "M104"; small letters are allowed.

    Raises:
        UnknownName: no such code; names the near ones and those of the family.
    """
    wanted = code.upper()
    titles = _titles()
    text = _page(wanted)
    if wanted not in titles and not text:
        family = [known for known in sorted(titles) if known[:1] == wanted[:1]]
        raise UnknownName(
            "finding code",
            code,
            titles,
            fix=f"lamp explain {wanted[:1]}   # lists the family" if family else "lamp explain M",
        )
    level, title = titles.get(wanted, ("", ""))
    return CodePage(wanted, level, title or _first_heading(text), text, _ready(wanted))


def list_family(letter: str) -> list[CodePage]:
    """The codes of one family, in order, without their texts.

    Raises:
        UnknownName: no family has that letter.
    """
    wanted = letter.upper()
    if wanted not in FAMILIES:
        raise UnknownName("family of findings", letter, FAMILIES, fix="lamp explain M")
    return [
        CodePage(code, level, title, "", _ready(code))
        for code, (level, title) in sorted(_titles().items())
        if code.startswith(wanted)
    ]


def _ready(code: str) -> bool:
    return code not in CATALOGUE or CATALOGUE[code].status == "ready"


def _page(code: str) -> str:
    if not _CODE.fullmatch(code):
        return ""
    page = files("lamplighter.checks").joinpath("pages", f"{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def _first_heading(text: str) -> str:
    found = re.search(r"^#+\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _titles() -> dict[str, tuple[str, str]]:
    """code → (level, title), from the catalogue and from pages that it does not list."""
    known: dict[str, tuple[str, str]] = {}
    folder = files("lamplighter.checks").joinpath("pages")
    if folder.is_dir():
        for page in folder.iterdir():
            code = page.name.removesuffix(".md")
            if _CODE.fullmatch(code) and code not in CATALOGUE:
                known[code] = ("", _first_heading(page.read_text(encoding="utf-8")))
    return known | {code: (row.level, row.title) for code, row in CATALOGUE.items()}
