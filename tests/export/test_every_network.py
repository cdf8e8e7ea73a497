"""Every network of the tables can be written as a graph, so that a training need not try."""

from __future__ import annotations

import pytest

from lamplighter.export.deployed import Deployed, trace
from lamplighter.images.preprocess import Preprocess
from lamplighter.models import torchvision_nets
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.models.small import SMALL

HUGE = ("vit_h_14", "regnet_y_128gf")  # several GB of weights: the same layers as smaller sisters
NAMES = [
    *[("lamplighter", name) for name in SMALL],
    *[("torchvision", n) for n in sorted(torchvision_nets.classifier_names()) if n not in HUGE],
]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "name"), NAMES)
def test_every_known_network_becomes_a_graph(source: str, name: str) -> None:
    """torch.export takes it with a free batch dimension."""
    size = 32
    if source == "torchvision":
        fixed = torchvision_nets.fixed_size_of(name, {})
        size = fixed or max(64, torchvision_nets.min_size_of(name, {}))
    module = rebuild(Architecture(source, name, 5, 3)).eval()
    preprocess = Preprocess(size)
    trace(Deployed(module, preprocess, "classification").eval(), preprocess)
