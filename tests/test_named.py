"""`package.module:name` is imported where the person named it, and every way it fails is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.errors import UsageError
from lamplighter.named import looks_named, name_of, resolve


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_form() -> None:
    """Modules and attributes are told from paths, drives and URLs."""
    assert looks_named("a.b:C.d")
    for text in ("C:\\data", "photos/", "a:", ":b", "http://x", "a:b-c", "a b:c", "a:b:c", "..:x"):
        assert not looks_named(text)


def test_beside_the_command(here: Path) -> None:
    """A class in a file beside the command is found, and its name leads back to it."""
    (here / "nets_beside.py").write_text("class Net:\n    class Inner: pass\n")
    found = resolve("nets_beside:Net.Inner")
    assert found.__qualname__ == "Net.Inner"
    assert resolve(name_of(found)) is found


@pytest.mark.parametrize(
    ("content", "text", "told"),
    [
        (None, "nothere_x:Net", "no module 'nothere_x'"),
        ("Net = 1", "mod_a.py:Net", "a module is named without .py: mod_a:Net"),
        ("Net = 1", "mod_a:Nett", "has no 'Nett'. Did you mean Net?"),
        ("Net = 1", "mod_a:Net.part", "has no 'part'"),
        ("import nothere_y", "mod_a:Net", "cannot be imported: No module named 'nothere_y'"),
        ("1 / 0", "mod_a:Net", "ZeroDivisionError"),
        ("def (", "mod_a:Net", "SyntaxError"),
        ("import sys; sys.exit(0)", "mod_a:Net", "SystemExit"),
    ],
)
def test_faults(here: Path, content: str | None, text: str, told: str) -> None:
    """A module that is missing, broken or ends the program itself is one error of ours."""
    if content is not None:
        (here / "mod_a.py").write_text(content)
    with pytest.raises(UsageError) as caught:
        resolve(text, what="network")
    assert told in str(caught.value)


def test_hidden_by_another(here: Path) -> None:
    """When another module has the file's name, the message says which one was taken."""
    (here / "json.py").write_text("class Net: pass")
    with pytest.raises(UsageError, match=r"json/__init__\.py"):
        resolve("json:Net")
