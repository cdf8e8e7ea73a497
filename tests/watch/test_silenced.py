"""Warnings that a program silences: what is told, and that the filters are as they were."""

from __future__ import annotations

import pickle
import warnings

import torch
from torch import nn

import lamplighter as lamp


def broadcast_with(*filters: tuple[str, str]) -> list[str]:
    """V101's messages of a block with these filters (action, text), in which shapes broadcast."""
    with warnings.catch_warnings(record=True):
        warnings.resetwarnings()
        with lamp.watch() as watch:
            for action, text in filters:
                if action == "copied":
                    kind = warnings.filters[0][2]
                    warnings.filterwarnings("ignore", "", kind, append=True)
                    continue
                warnings.filterwarnings(action, message=text)  # type: ignore[arg-type]
            nn.functional.mse_loss(torch.zeros(4, 1), torch.zeros(4))
        return [f.message for f in watch.findings if f.code == "V101"]


def test_what_was_hidden_is_quoted() -> None:
    """The message names torch's own words."""
    (message,) = broadcast_with(("ignore", ""))
    assert message.startswith("all warnings are silenced here, and with them torch's: “Using a tar")


def test_a_warning_that_is_shown_or_silenced_by_its_text_is_no_finding() -> None:
    """Only a filter for everything counts, and only if no later one shows the warning."""
    assert broadcast_with() == []
    assert broadcast_with(("ignore", "Using a target size")) == []
    assert broadcast_with(("ignore", ""), ("always", "Using a target size")) == []


def test_filters_are_as_the_program_left_them() -> None:
    """After watching, only the program's own filters are there."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.filterwarnings("ignore", message="one")
        before = list(warnings.filters)
        with lamp.watch():
            warnings.filterwarnings("error", message="two")
        assert list(warnings.filters)[1:] == before
        assert len(warnings.filters) == 2


def test_libraries_may_read_and_copy_the_filters() -> None:
    """scikit-learn makes the filters anew for each of its jobs, and sends them to other processes."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        with lamp.watch():
            for action, message, category, _, line in list(warnings.filters):
                text = message if message is None or isinstance(message, str) else message.pattern
                warnings.filterwarnings(action, text or "", category, lineno=line, append=True)  # type: ignore[arg-type]
            sent = pickle.loads(pickle.dumps(list(warnings.filters)))
            assert all(message in (None, "") for _, message, *_ in sent)


def test_a_copied_filter_hides_and_hears_nothing() -> None:
    """What such a library has made of the filter that hears is none of the program's."""
    assert broadcast_with(("copied", "")) == []
