"""Layer by layer: figures, shape faults, and the drawing."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from lamplighter.errors import ModelError, UnknownName
from lamplighter.models.build import build
from lamplighter.models.catalogue import catalogue, search
from lamplighter.models.graph import draw
from lamplighter.models.shape import check_shape
from lamplighter.models.summary import summarise
from lamplighter.models.torchvision_nets import default_weights


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", "squeezenet1_0", "googlenet", "vit_b_32", "swin_t"]
)
def test_multiply_adds_and_parameters_are_the_published_ones(name):
    """Multiply-adds and parameters equal those that torchvision publishes."""
    facts = default_weights(name).meta
    summary = summarise(build(name, 1000).module, (3, 224, 224))
    assert summary.multiply_adds / 1e9 == pytest.approx(facts["_ops"], abs=0.0006)
    assert summary.parameters == facts["num_params"]
    assert sum(layer.parameters for layer in summary.layers) == summary.parameters
    assert summary.output_shape == (1000,)


@pytest.mark.parametrize(
    ("name", "pixels"), [("resnet18", 435), ("mobilenet_v2", 491), ("alexnet", 195)]
)
def test_receptive_fields_are_the_known_ones(name, pixels):
    """The receptive fields agree with the published table for AlexNet, ResNet and MobileNet."""
    assert summarise(build(name, 10).module, (3, 224, 224)).layers
    fields = [
        layer.receptive_field
        for layer in summarise(build(name, 10).module, (3, 224, 224)).layers
        if layer.receptive_field
    ]
    assert max(fields) == pixels


def test_a_summary_changes_nothing():
    """Weights, modes and random numbers are after a summary as they were before."""
    module = build("squeezenet1_1", 3).module
    module.features[3].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [m.training for m in module.modules()]
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    summarise(module, (3, 64, 64))
    assert torch.equal(torch.rand(1), expected)
    assert modes == [m.training for m in module.modules()]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


class LooksAtValues(nn.Module):
    """A network whose path depends on the pixels."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 4)

    def forward(self, images):
        flat = images.flatten(1)
        return self.fc1(flat if flat.sum().item() > 0 else -flat)


def test_a_network_that_looks_at_values_is_summed_up_all_the_same():
    """Where shapes alone do not do, one picture of zeros does."""
    summary = summarise(LooksAtValues(), (3, 2, 2))
    assert [(layer.name, layer.multiply_adds) for layer in summary.layers] == [("fc1", 48)]


def test_lazy_layers_are_summed_up_and_stay_lazy():
    """A network with lazy layers is measured on a copy."""
    module = nn.Sequential(nn.Flatten(), nn.LazyLinear(4))
    assert summarise(module, (1, 3, 3)).parameters == 40
    check_shape(module, (1, 3, 3))
    assert isinstance(module[1], nn.LazyLinear)


def test_shared_weights_are_counted_once():
    """A layer used twice holds its parameters once and computes twice."""
    layer = nn.Linear(4, 4, bias=False)
    summary = summarise(nn.Sequential(layer, nn.ReLU(), layer), (4,))
    assert (summary.parameters, summary.multiply_adds) == (16, 32)


def course_net():
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(3, 64, 3, padding=1))
    net.add_module("pool", nn.MaxPool2d(8))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc1", nn.Linear(1024, 10))
    return net


@pytest.mark.parametrize(
    ("module", "shape", "told"),
    [
        (
            course_net(),
            (3, 64, 64),
            r"fc1 expects 1024 features, got 4096: 64 channels × 8 × 8; pictures of 64×64 leave 8×8 "
            r"before it.*4×4\nuse --size 32",
        ),
        (course_net(), (1, 32, 32), r"conv1 expects 3 channels, got 1"),
        (course_net(), (3, 4, 4), r"pool cannot pool 4×4.*\nuse --size 32"),
        (nn.Sequential(nn.Conv2d(3, 4, 5)), (3, 4, 4), r"0 needs 5 pixels or more.*\nuse --size 8"),
        (nn.Sequential(nn.BatchNorm2d(3)), (4, 2, 2), "0 expects 3 channels, got 4"),
        (LooksAtValues(), (3, 4, 4), "fc1 expects 12 features, got 48"),
    ],
)
def test_a_shape_fault_names_the_layer_and_what_fits(module, shape, told):
    """A shape fault names the layer, what came, what was expected, and a size that fits."""
    with pytest.raises(ModelError, match=told):
        check_shape(module, shape)


def test_a_fault_between_layers_names_the_last_one_that_worked():
    """An operation outside any layer is placed after the layer before it."""

    class Clash(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images):
            return self.conv(images) + images

    with pytest.raises(ModelError, match=r"Clash got 3×8×8, after conv gave 4×6×6"):
        check_shape(Clash(), (3, 8, 8), suggest=False)


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "squeezenet1_0"])
def test_the_drawing_holds_every_layer(name):
    """The drawing is well-formed SVG with a box for each layer."""
    summary = summarise(build(name, 10).module, (3, 64, 64))
    root = ElementTree.fromstring(draw(name, summary))
    heads = [t for t in root.iter() if t.get("class") == "head"]
    layers = [layer for layer in summary.layers if layer.name != "(network)"]
    assert len(heads) == len(layers) + 2


def test_names_in_the_drawing_are_escaped():
    """A class name with markup and control characters stays text in the drawing."""
    hostile = type("<script>alert(1)</script>\x01", (nn.Identity,), {})
    summary = summarise(nn.Sequential(hostile()), (3, 8, 8))
    text = draw("<b>&", summary)
    assert "<script>" not in text
    assert "<b>" not in text
    ElementTree.fromstring(text)


def test_the_catalogue_is_searched_by_text():
    """lamp models finds by part of a name, and answers a mistyped one with the nearest."""
    assert {e.name for e in search("resnet18")} == {"resnet18"}
    entry = search("mobilenet_v2")[0]
    assert (entry.size, entry.accuracy, entry.parameters) == (224, 72.154, 3504872)
    assert {"tutorial_cnn", "small_resnet"} <= {e.name for e in catalogue()}
    with pytest.raises(UnknownName, match="resnet18"):
        search("rezznet18")


def test_the_commands_print_stable_json(tmp_path):
    """lamp model and lamp models print the promised keys, and draw on request."""
    from lamplighter.cli.model import command as model
    from lamplighter.cli.models import command as models

    told = CliRunner().invoke(models, ["squeezenet", "--json"])
    names = [row["name"] for row in json.loads(told.stdout)["models"]]
    assert names == ["squeezenet1_0", "squeezenet1_1"]
    graph = tmp_path / "net.svg"
    arguments = ["tutorial_cnn", "--size", "28", "--channels", "1", "--classes", "10", "--json"]
    told = CliRunner().invoke(model, [*arguments, "--graph", str(graph)])
    document = json.loads(told.stdout)
    assert document["input"] == [1, 28, 28]
    assert document["parameters"] == document["trainable"] == 115306
    assert document["multiply_adds"] == sum(row["multiply_adds"] for row in document["layers"])
    wanted = {"name", "type", "output_shape", "parameters", "multiply_adds", "trainable"}
    assert wanted <= set(document["layers"][0])
    assert graph.read_text().startswith("<svg")


def test_the_table_reads_well_when_piped():
    """Without a terminal the layers are aligned plain text, totals below."""
    from lamplighter.cli.model import command as model

    told = CliRunner().invoke(model, ["tutorial_cnn", "--classes", "10"]).stdout
    assert "hidden" in told
    assert "145,578 (145,578 trainable)" in told
    assert "\x1b" not in told
