"""Networks by name, with the right head, for any number of classes and channels."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lamplighter.errors import ArtifactError, ModelError, UnknownName, UsageError
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import build, rebuild
from lamplighter.models.shape import send
from lamplighter.models.torchvision_nets import classifier_names

ONE_PER_FAMILY = (
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "vgg11",
    "vit_b_32",
)
OWN = """
import torch
from torch import nn

class Named(nn.Sequential):
    def __init__(self, {argument}):
        super().__init__(nn.Flatten(), nn.Linear(12, {argument}))

class Bare(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(12, 5))

class Greedy(nn.Module):
    def __init__(self, block, num_classes):
        super().__init__()

class Broken(nn.Module):
    def __init__(self):
        raise ValueError("no luck")

def make(n_classes):
    return Named(n_classes)

def number():
    return 3

ready = Bare()
"""


class ShapesOnly(TorchFunctionMode):
    """Parameters without memory; figures that a builder computes with stay real (RegNet's do)."""

    MADE = frozenset({torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full})

    def __torch_function__(self, func, types, args=(), kwargs=None):
        extra = {"device": "meta"} if func in self.MADE else {}
        return func(*args, **{**(kwargs or {}), **extra})


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A file of own networks in the current folder; gives the module's name."""

    def write(argument: str = "num_classes") -> str:
        name = f"own_nets_{argument}"
        Path(tmp_path, f"{name}.py").write_text(OWN.format(argument=argument))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


@pytest.mark.parametrize("name", classifier_names())
def test_every_torchvision_classifier_gets_a_head_of_the_right_size(name):
    """Every torchvision classifier answers with as many numbers as there are classes."""
    with ShapesOnly():
        network = build(name, 7)
    size = network.fixed_size or max(network.min_size, 64)
    answers = send(network.module, (3, size, size))
    assert tuple(answers.shape) == (1, 7)
    (head,) = network.head
    layer = network.module.get_submodule(head)
    assert 7 in (getattr(layer, "out_features", 0), getattr(layer, "out_channels", 0))


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_every_family_reads_grey_pictures(name):
    """One member of each family takes pictures of one channel."""
    with ShapesOnly():
        network = build(name, 4, channels=1)
    size = network.fixed_size or max(network.min_size, 64)
    assert tuple(send(network.module, (1, size, size)).shape) == (1, 4)


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_the_smallest_size_that_is_told_passes(name):
    """A picture of the smallest size that is told passes through."""
    with ShapesOnly():
        network = build(name, 4)
    assert tuple(send(network.module, (3, network.min_size, network.min_size)).shape) == (1, 4)


def test_a_picture_below_the_smallest_size_does_not_pass():
    """The smallest size of AlexNet is where it really begins."""
    network = build("alexnet", 2)
    with pytest.raises(ModelError):
        send(network.module, (3, network.min_size - 1, network.min_size - 1))


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "googlenet"])
def test_networks_learn_and_answer_with_real_numbers(name):
    """A real pass in train and in eval mode gives one row of finite numbers per picture."""
    network = build(name, 3)
    images = torch.rand(2, 3, 64, 64)
    for module in (network.module.train(), network.module.eval()):
        answers = module(images)
        assert isinstance(answers, torch.Tensor)
        assert tuple(answers.shape) == (2, 3)
        assert torch.isfinite(answers).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_one_member_of_each_family_runs_for_real(name):
    """A real forward and backward pass works in every family."""
    network = build(name, 3)
    size = network.fixed_size or max(network.min_size, 96)
    answers = network.module.train()(torch.rand(2, 3, size, size))
    answers.sum().backward()
    assert tuple(answers.shape) == (2, 3)
    assert torch.isfinite(answers).all()


def test_names_are_taken_in_any_case():
    """The case of a network's name does not matter."""
    assert build("ResNet18", 2).architecture.name == "resnet18"


def test_an_unknown_name_gets_the_nearest():
    """A mistyped name is answered with the nearest ones."""
    with pytest.raises(UnknownName, match=r"no network called 'resnet19'\. Did you mean resnet18"):
        build("resnet19", 2)


@pytest.mark.parametrize(("size", "features"), [(32, 1024), (64, 4096), (28, 576)])
def test_the_tutorial_network_fits_its_first_linear_layer_to_the_size(size, features):
    """tutorial_cnn computes the features of its first linear layer from the size."""
    network = build("tutorial_cnn", 10, channels=1, options={"size": size})
    assert network.module.hidden.in_features == features
    assert network.wants.size == size
    assert tuple(send(network.module, (1, size, size)).shape) == (1, 10)


def test_the_tutorial_network_can_have_activations():
    """activation="relu" puts a ReLU after each convolution and the first linear layer."""
    plain, active = (build("tutorial_cnn", 10, options={"activation": a}) for a in ("none", "relu"))
    count = [sum(isinstance(m, nn.ReLU) for m in n.module.modules()) for n in (plain, active)]
    assert count == [0, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"activation": "gelu"}, "expected none or relu"),
        ({"width": 3}, "no option of tutorial_cnn"),
        ({"size": "9"}, "expected a whole number of pixels, got '9'"),
    ],
)
def test_wrong_options_are_refused(options, told):
    """An unknown option or value is refused with what is allowed."""
    with pytest.raises(UsageError, match=told):
        build("tutorial_cnn", 10, options=options)


@pytest.mark.parametrize("size", [8, 28, 64])
def test_the_small_network_takes_small_pictures(size):
    """small_resnet takes pictures from 8×8 to 64×64."""
    network = build("small_resnet", 10, channels=1)
    assert tuple(network.module(torch.rand(2, 1, size, size)).shape) == (2, 10)


@pytest.mark.parametrize("argument", ["num_classes", "outputs", "n_classes"])
def test_an_own_class_is_told_the_number_of_classes(own_module, argument):
    """An own class gets the number of classes by the argument that it has."""
    network = build(f"{own_module(argument)}:Named", 4)
    assert network.module[1].out_features == 4
    assert network.architecture.options == {"called_with": argument}
    assert network.head == ("1",)


@pytest.mark.parametrize(
    ("what", "called_with"), [("Bare", "nothing"), ("make", "n_classes"), ("ready", "as it is")]
)
def test_own_functions_instances_and_bare_classes_work(own_module, what, called_with):
    """A function, an instance and a class without arguments serve as own networks."""
    network = build(f"{own_module()}:{what}", 5)
    assert network.module[1].out_features == 5
    assert network.architecture.options["called_with"] == called_with


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("Greedy", "cannot be called with the number of classes alone"),
        ("Broken", "ValueError: no luck"),
        ("number", "expected an nn.Module, number"),
    ],
)
def test_own_things_that_are_no_network_are_explained(own_module, what, told):
    """What cannot be built, or is no network, is refused with the reason."""
    with pytest.raises(ModelError, match=told):
        build(f"{own_module()}:{what}", 5)


def test_timm_networks_are_built_by_name():
    """timm:NAME builds timm's network when timm is installed."""
    pytest.importorskip("timm")
    network = build("timm:resnet18", 5, channels=1)
    assert network.head == ("fc",)
    assert tuple(send(network.module, (1, 64, 64)).shape) == (1, 5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("squeezenet1_1", {}),
        ("googlenet", {}),
        ("tutorial_cnn", {"size": 16, "activation": "relu"}),
        ("small_resnet", {}),
        ("speed_net", {"views": "moved"}),
        ("speed_net", {"widths": "8,16,24"}),
    ],
)
def test_a_description_gives_the_same_shapes_again(name, options):
    """What went through JSON builds a module into which the weights fit exactly."""
    network = build(name, 3, channels=1, options=options)
    read = Architecture.from_json(network.architecture.as_json())
    assert read == network.architecture
    rebuild(read).load_state_dict(network.module.state_dict())


def test_rebuilding_leaves_random_numbers_alone():
    """Loading a model does not move the caller's random numbers."""
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    rebuild(Architecture("lamplighter", "small_resnet", 3))
    assert torch.equal(torch.rand(1), expected)


def test_an_own_class_is_never_imported_from_a_description(tmp_path, monkeypatch):
    """rebuild runs no code that only the file names, and says what to do."""
    Path(tmp_path, "hostile.py").write_text("raise SystemExit('ran')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ModelError, match=r"hostile:Net.*(?s:.)*lamp\.load\(path, own=Class\)"):
        rebuild(Architecture("own", "hostile:Net", 3))
    assert "hostile" not in sys.modules


def test_an_own_class_that_is_at_hand_is_rebuilt(own_module):
    """An own class is taken from the caller, or from a module that is imported already."""
    network = build(f"{own_module()}:Named", 4)
    for own in (None, type(network.module)):
        assert rebuild(network.architecture, own)[1].out_features == 4


def test_a_description_may_not_reach_other_things_of_an_imported_module():
    """Only networks and functions of imported modules are taken, not commands such as os.system."""
    with pytest.raises(ModelError, match="not at hand"):
        rebuild(Architecture("own", "os:system", 3))


GOOD = {"source": "torchvision", "name": "resnet18", "outputs": 2, "channels": 3, "options": {}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": "hub"}, "unknown source"),
        ({"name": "resnet19"}, "no network called"),
        ({"name": 3}, "must be a text"),
        ({"outputs": True}, "outputs must be a whole number"),
        ({"outputs": 0}, "outputs must be a whole number"),
        ({"outputs": 10**12}, "outputs must be a whole number"),
        ({"channels": "3"}, "channels must be a whole number"),
        ({"options": {"weights": "x"}}, "no option"),
        ({"options": []}, "options must be an object"),
        ({"extra": 1}, "unknown fields"),
        ({"source": "timm", "name": "hf-hub:someone/net"}, "no network called"),
        ({"source": "own", "name": "__import__('os')"}, "no network called"),
        ({"source": "lamplighter", "name": "tutorial_cnn", "options": {"size": 10**9}}, "size"),
        (
            {"source": "lamplighter", "name": "speed_net", "options": {"widths": "9,9,9999999"}},
            "option widths must be of the form",
        ),
        ({"source": ["own"]}, "unknown source"),
    ],
)
def test_a_strangers_description_is_read_strictly(change, told):
    """Each fault in a description is refused by name."""
    with pytest.raises(ArtifactError, match=told):
        Architecture.from_json({**GOOD, **change})


@pytest.mark.parametrize("document", [None, [], "resnet18", {"source": "own"}])
def test_no_description_at_all_is_refused(document):
    """Something that is no description is refused."""
    with pytest.raises(ArtifactError, match="cannot be used"):
        Architecture.from_json(document)
