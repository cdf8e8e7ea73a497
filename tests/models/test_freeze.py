"""Freezing, learning rates per part, and first values."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lamplighter.errors import ModelError, UnknownName
from lamplighter.listener import Listener
from lamplighter.models.build import build
from lamplighter.models.freeze import freeze_backbone, parameter_groups, unfreeze
from lamplighter.models.initialise import initialise


def test_a_frozen_backbone_does_not_move():
    """After a training step only the head differs, BatchNorm statistics included."""
    network = build("small_resnet", 3)
    freeze_backbone(network)
    before = copy.deepcopy(network.module.state_dict())
    network.module.train()
    groups = parameter_groups(network, 0.1, backbone_factor=0.1, weight_decay=0.1)
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    network.module(torch.rand(4, 3, 16, 16)).pow(2).sum().backward()
    optimizer.step()
    after = network.module.state_dict()
    moved = {key for key in after if not torch.equal(after[key], before[key])}
    assert moved == {"head.weight", "head.bias"}
    assert network.module.training


def test_a_copy_of_a_frozen_network_stays_frozen():
    """A deep copy, as averaging makes it, keeps its own BatchNorm in eval mode."""
    network = build("small_resnet", 3)
    freeze_backbone(network)
    twin = copy.deepcopy(network.module).train()
    assert not twin.stem[1].training
    assert twin.head.training


def test_unfreezing_brings_everything_back():
    """After unfreeze all parameters learn, and BatchNorm follows train() under its own class."""
    network = build("small_resnet", 3)
    kinds = [type(layer) for layer in network.module.modules()]
    freeze_backbone(network)
    network.module.train()
    unfreeze(network)
    assert kinds == [type(layer) for layer in network.module.modules()]
    assert all(layer.training for layer in network.module.modules())
    assert all(p.requires_grad for p in network.module.parameters())


def test_freezing_without_a_head_is_refused():
    """A network whose head is unknown cannot be frozen around it."""
    network = build("small_resnet", 3)
    network.head = ()
    with pytest.raises(ModelError, match="nothing to keep unfrozen"):
        freeze_backbone(network)


def test_each_parameter_is_in_one_group():
    """The groups hold each parameter once; norms and biases get no weight decay."""
    network = build("mobilenet_v3_small", 3)
    groups = parameter_groups(network, 0.1, backbone_factor=0.5, weight_decay=0.01)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.module.parameters())
    facts = {group["name"]: (group["lr"], group["weight_decay"]) for group in groups}
    assert facts == {
        "head": (0.1, 0.01),
        "head, no decay": (0.1, 0.0),
        "backbone": (0.05, 0.01),
        "backbone, no decay": (0.05, 0.0),
    }
    spared = [p for group in groups if not group["weight_decay"] for p in group["params"]]
    assert all(p.dim() <= 1 for p in spared)


@pytest.mark.parametrize(("name", "std"), [("normal", 0.01), ("kaiming", 0.1), ("xavier", 0.1)])
def test_initialisations_have_the_promised_spread(name, std):
    """Each initialisation gives weights of its own standard deviation, and zero biases."""
    torch.manual_seed(0)
    layer = nn.Linear(200, 200) if name != "xavier" else nn.Linear(100, 100)
    assert initialise(nn.Sequential(layer), name) == ["0"]
    assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.05)
    assert not layer.bias.any()


def test_default_initialisation_changes_nothing_and_an_unknown_one_is_named():
    """default leaves weights alone; a mistyped name gets the nearest."""
    layer = nn.Linear(3, 3)
    before = layer.weight.clone()
    assert initialise(layer, "default") == []
    assert torch.equal(layer.weight, before)
    with pytest.raises(UnknownName, match="Did you mean xavier"):
        initialise(layer, "xaver")


def test_loaded_layers_keep_their_weights(tmp_path):
    """With a file of weights only what the file did not fill gets new first values."""
    torch.save(build("squeezenet1_1", 1000).module.state_dict(), tmp_path / "w.pt")
    said = []

    class Ear(Listener):
        def say(self, text):
            said.append(text)

    network = build("squeezenet1_1", 2, weights=tmp_path / "w.pt", init="kaiming", listener=Ear())
    state = torch.load(tmp_path / "w.pt", weights_only=True)
    assert torch.equal(network.module.features[0].weight, state["features.0.weight"])
    assert said[-1] == "initialised 1 layers with kaiming: classifier.1"
