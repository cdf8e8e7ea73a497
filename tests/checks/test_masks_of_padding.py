"""What M116 says of a mask that is laid over the queries."""

from __future__ import annotations

import torch

from lamplighter.checks.padding import mask_over_queries


def test_mask_over_queries_says_how_to_lay_it() -> None:
    """It counts the padded places and names both shapes."""
    (told,) = mask_over_queries(torch.tensor([[False, True], [True, True]]))
    assert (told.code, told.level) == ("M116", "error")
    assert told.message.startswith("the mask of 3 padded places is a column, (…, T, 1)")
    assert told.fix == "lay the mask over the keys, (…, 1, T): mask.unsqueeze(1) of a (B, T) mask"
