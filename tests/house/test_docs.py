"""The pages that are made from the source say what the source says."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import click
import pytest

from lamplighter.cli import COMMANDS
from lamplighter.recipe import FIELDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


def generator() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", generator().PAGES)
def test_a_made_page_is_up_to_date(page: str) -> None:
    """What is under version control is what `make docs` would write now."""
    if page == "reference.md" and sys.version_info[:2] != (3, 11):
        pytest.skip("signatures are spelled differently by other Pythons; made with 3.11")
    made = generator().PAGES[page]()
    kept = (DOCS / page).read_text(encoding="utf-8")
    assert kept == made, f"docs/{page} is out of date: make docs"


def test_the_page_of_commands_is_the_same_whatever_ran_before() -> None:
    """A command that was called by itself, as other tests do, knows --help alone and keeps that."""
    command = importlib.import_module(COMMANDS["board"][0]).command
    command._help_option = None
    assert "-h, --help" not in command.get_help(click.Context(command, info_name="board"))
    made = generator().PAGES["commands.md"]()
    command._help_option = None
    assert made == generator().PAGES["commands.md"]()
    assert made.count("  -h, --help ") == len(COMMANDS) + 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_section(name: str) -> None:
    """docs/commands.md has a section for each command, and the README names it."""
    assert f"\n## lamp {name}\n" in (DOCS / "commands.md").read_text(encoding="utf-8")
    assert f"`lamp {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_page_of_recipes() -> None:
    """docs/recipes.md has a row for each setting."""
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in FIELDS if f"| `{name}` |" not in text] == []


def test_links_between_pages_lead_somewhere() -> None:
    """No page links to a file that is not there."""
    broken = []
    for page in [*WRITTEN, *DOCS.rglob("*.md")]:
        for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (page.parent / unquote(target)).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_contributing_is_read_in_a_minute() -> None:
    """CONTRIBUTING.md stays under 100 lines."""
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) < 100
