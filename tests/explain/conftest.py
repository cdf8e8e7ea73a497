"""What the tests of explained errors share."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable

import pytest

from lamplighter.explain import Explanation, explain_traceback


@pytest.fixture
def explain_failure() -> Callable[[Callable[[], object]], Explanation | None]:
    """Runs what must fail and explains its real traceback."""

    def explain(fails: Callable[[], object]) -> Explanation | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fails()
        except BaseException:
            return explain_traceback(traceback.format_exc())
        raise AssertionError("nothing was raised")

    return explain
