"""Finding codes: pages, families, unknown ones."""

from __future__ import annotations

import pytest

import lamplighter
from lamplighter.checks.catalogue import CATALOGUE, FAMILIES
from lamplighter.errors import UnknownName
from lamplighter.explain.codes import explain_code, list_family, looks_like_code


def test_every_code_of_the_catalogue_is_explained() -> None:
    """Each code has its title and level, and its page where there is one."""
    for code, row in CATALOGUE.items():
        page = explain_code(code)
        assert (page.code, page.level, page.title) == (code, row.level, row.title)


def test_small_letters_are_understood() -> None:
    """`lamp explain m104` is `lamp explain M104`."""
    assert explain_code("m104") == explain_code("M104")


def test_python_gets_the_page_as_text() -> None:
    """`lamp.explain("M104")` is the page that the command prints."""
    assert lamplighter.explain("m104") == explain_code("M104").text
    assert lamplighter.explain("M104").startswith("# M104: samples of a batch mix")


def test_an_unknown_code_names_near_ones_and_the_family() -> None:
    """The answer says what may have been meant and how to list the family."""
    with pytest.raises(UnknownName, match="no finding code called 'M999'") as caught:
        explain_code("M999")
    assert caught.value.fix.startswith("lamp explain M")


def test_a_family_lists_its_codes_and_all_families_together_list_all() -> None:
    """A letter gives the codes that begin with it, in order."""
    listed = [page.code for letter in FAMILIES for page in list_family(letter)]
    assert sorted(listed) == sorted(CATALOGUE)
    assert [p.code for p in list_family("m")] == sorted(c for c in CATALOGUE if c[0] == "M")


def test_an_unknown_family_is_told() -> None:
    """A letter that is no family is refused."""
    with pytest.raises(UnknownName, match="family"):
        list_family("Z")


def test_a_code_is_told_from_a_layer() -> None:
    """Codes and family letters look like codes; layers do not."""
    assert [looks_like_code(t) for t in ("M104", "m", "Conv2d", "ReLU", "RNN", "Z")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_a_path_in_place_of_a_code_reads_no_file() -> None:
    """The page is looked up by code only, so that no other file can be asked for."""
    with pytest.raises(UnknownName):
        explain_code("../x")
