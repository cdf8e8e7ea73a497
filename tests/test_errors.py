"""The tree of errors: exit codes, JSON form, and the words that people read."""

from __future__ import annotations

import pytest

from lamplighter import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.AnswerIsNo, 1),
        (errors.UsageError, 2),
        (errors.DataError, 3),
        (errors.ModelError, 4),
        (errors.ArtifactError, 4),
        (errors.NotProved, 4),
        (errors.RunFailed, 5),
        (errors.Interrupted, 130),
    ],
)
def test_exit_codes(kind: type[errors.LamplighterError], code: int) -> None:
    """Each branch of the tree has the exit code of the documented table."""
    error = kind("found", where="there", fix="do this")
    assert error.exit_code == code
    assert str(error) == "there: found\ndo this"
    assert set(error.as_json()) == {"kind", "message", "where", "fix"}


def test_recipe_error_is_usage() -> None:
    """Recipe faults and unknown names end like any other wrong flag."""
    assert errors.RecipeError([("a", "b")]).exit_code == 2
    unknown = errors.UnknownName("network", "resnet81", ["resnet18", "vgg11"])
    assert unknown.exit_code == 2
    assert "there is no network called 'resnet81'. Did you mean resnet18?" in str(unknown)


def test_did_you_mean() -> None:
    """Near names are offered in their own spelling, far ones not at all."""
    assert errors.did_you_mean("ADAMW", ["AdamW", "SGD"]) == " Did you mean AdamW?"
    assert errors.did_you_mean("zzz", ["AdamW", "SGD"]) == ""
    assert errors.did_you_mean("", []) == ""
