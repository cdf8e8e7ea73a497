"""M106: how a dropout was asked for is read at its caller, also through what listens to it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from lamplighter.checks.behaviour import DropoutsSeen
from lamplighter.watch import watch


def test_dropout_is_read_at_its_caller_while_it_is_listened_to() -> None:
    """A call without `training`, one with it, and a layer of nobody."""
    layer, ones = nn.Dropout(0.5), torch.ones(3)
    with watch(), DropoutsSeen(nn.Identity()) as seen:
        F.dropout(ones)
        F.dropout(ones, training=True)
        layer(ones)
    assert seen.active == [
        ("F.dropout", "default"), ("F.dropout", "said"), ("nn.Dropout", "loose"),
    ]  # fmt: skip
