"""The quick count of work agrees with the full one."""

from __future__ import annotations

import pytest

from lamplighter.models.build import build
from lamplighter.models.cost import multiply_adds
from lamplighter.models.summary import summarise


@pytest.mark.parametrize(
    ("name", "size"),
    [("tutorial_cnn", 32), ("resnet18", 64), ("mobilenet_v2", 64), ("vit_b_16", 224)],
)
def test_multiply_adds(name: str, size: int) -> None:
    """Within 5 % of what torch's counter finds, also with grouped filters and attention."""
    network = build(name, 10).module
    modes = [layer.training for layer in network.modules()]
    found = multiply_adds(network, (3, size, size))
    assert found == pytest.approx(summarise(network, (3, size, size)).multiply_adds, rel=0.05)
    assert [layer.training for layer in network.modules()] == modes
