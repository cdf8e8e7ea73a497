"""Weights from files: read without running anything, matched by name, told aloud."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lamplighter.errors import ModelError
from lamplighter.listener import Listener
from lamplighter.models import download
from lamplighter.models.build import build
from lamplighter.models.weight_file import read_weights
from lamplighter.models.weights import fit_weights

SHARED = Path(os.environ.get("LAMPLIGHTER_TEST_DATA", "shared-data-not-given")) / "weights"


class Ear(Listener):
    """Keeps what is said."""

    def __init__(self):
        self.said = []
        self.warned = []

    def say(self, text):
        self.said.append(text)

    def warn(self, text):
        self.warned.append(text)


def net(outputs=3):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, outputs))


def same(a, b):
    return all(torch.equal(a[key], b[key]) for key in b)


@pytest.fixture
def state():
    torch.manual_seed(3)
    return net().state_dict()


@pytest.mark.parametrize("nest", [(), ("state_dict",), ("model_state_dict",), ("ema", "model")])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "backbone."])
def test_nested_and_prefixed_weights_are_found(tmp_path, state, nest, prefix):
    """A state dict is found inside what scripts save, and wrappers' prefixes come off aloud."""
    saved = {prefix + key: value for key, value in state.items()}
    for key in reversed(nest):
        saved = {key: saved, "epoch": 3, "optimizer": {"lr": 0.1}}
    torch.save(saved, tmp_path / "w.pt")
    ear, target = Ear(), net()
    fit_weights(target, read_weights(tmp_path / "w.pt", listener=ear), listener=ear)
    assert same(target.state_dict(), state)
    told = " ".join(ear.said)
    assert "8 of 8 tensors loaded" in told
    assert (f"begin with '{prefix}'" in told) == bool(prefix)
    assert (repr(".".join(nest)) in told) == bool(nest)


def test_safetensors_are_read(tmp_path, state):
    """A safetensors file loads like any other."""
    save_file(state, tmp_path / "w.safetensors")
    target = net()
    fit_weights(target, read_weights(tmp_path / "w.safetensors"))
    assert same(target.state_dict(), state)


def test_a_head_of_another_shape_is_left_new_and_said(state):
    """A head for other classes is skipped aloud, everything else is loaded."""
    ear, target = Ear(), net(5)
    before = target[3].weight.clone()
    fit_weights(target, state, head=("3",), listener=ear)
    assert torch.equal(target[3].weight, before)
    assert torch.equal(target[0].weight, state["0.weight"])
    assert "6 of 8 tensors loaded; the head 3 is new (the file's is for 3 outputs)" in ear.said[-1]
    assert not ear.warned


def test_weights_of_another_network_are_refused_with_examples_of_both_sides():
    """Fewer than half of the tensors fitting is an error that shows names of both sides."""
    with pytest.raises(
        ModelError, match=r"only 0 of 6 tensors fit.*other\.weight 2×2.*0\.weight 4×3"
    ):
        fit_weights(net(), {"other.weight": torch.ones(2, 2)}, head=("3",))


def test_missing_tensors_outside_the_head_are_warned_of(state):
    """A tensor that the file lacks is named."""
    ear = Ear()
    fit_weights(net(), {k: v for k, v in state.items() if k != "0.bias"}, listener=ear)
    assert "0.bias" in ear.warned[0]


def test_weights_with_nan_are_refused(state):
    """A file that holds NaN is refused by the tensor's name."""
    state["0.weight"][0] = float("nan")
    with pytest.raises(ModelError, match=r"NaN or infinity in 0\.weight"):
        fit_weights(net(), state)


def test_colour_kernels_are_summed_for_grey_pictures(state):
    """A grey picture gives through the summed kernels what it gave as three equal planes."""
    ear = Ear()
    colour, grey = net(), nn.Sequential(nn.Conv2d(1, 4, 3), *list(net())[1:])
    colour.load_state_dict(state)
    fit_weights(grey, state, listener=ear)
    image = torch.rand(1, 1, 3, 3)
    torch.testing.assert_close(grey.eval()(image), colour.eval()(image.repeat(1, 3, 1, 1)))
    assert "RGB kernels of 0 were summed into one" in ear.said[0]


def test_a_whole_module_is_refused_with_the_way_out(tmp_path):
    """A pickled module is not opened; the message has the line that mends it."""
    torch.save(net(), tmp_path / "whole.pt")
    with pytest.raises(
        ModelError, match=r"whole Python object \(torch\.nn.*(?s:.)*m\.state_dict\(\)"
    ):
        read_weights(tmp_path / "whole.pt")


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_runs_nothing(tmp_path, monkeypatch, zipped):
    """Code in a file of weights is not run, whatever the environment says."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save(
        {"state_dict": Bomb(str(tmp_path / "ran"))},
        tmp_path / "w.pt",
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(ModelError, match="whole Python object"):
        read_weights(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


def test_a_compressed_archive_is_refused_before_it_is_opened(tmp_path):
    """A zip that unpacks to far more than it holds is refused."""
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\0" * 20_000_000)
    with pytest.raises(ModelError, match="would unpack to 20,000,000"):
        read_weights(tmp_path / "bomb.pt")


def test_a_torchscript_program_is_refused(tmp_path):
    """A TorchScript archive holds code and is refused with the way out."""
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"")
        archive.writestr("script/data.pkl", b"")
    with pytest.raises(ModelError, match="TorchScript program"):
        read_weights(tmp_path / "script.pt")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated_files_are_refused(tmp_path, state, zipped, share):
    """A file cut short is called damaged, never loaded."""
    path = tmp_path / "w.pt"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match="damaged"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"not weights at all", "damaged"),
        (b"PK\x03\x04 garbage", "damaged"),
        (b"\x80\x04garbage.", "damaged"),
        (b"<!DOCTYPE html><html>404</html>", "damaged"),
        (b"\xff" * 8 + b"{}", "damaged"),
    ],
)
def test_garbage_is_refused(tmp_path, content, told):
    """Something that is no file of weights is called damaged."""
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ModelError, match=told):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], 3.0, {}])
def test_files_without_tensors_are_refused(tmp_path, content):
    """A file without named tensors is refused with what it holds."""
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="expected weights by name, found"):
        read_weights(tmp_path / "w.pt")


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    """No such file, and a folder in its place, are told as such."""
    with pytest.raises(ModelError, match="no such file"):
        read_weights(tmp_path / "none.pt")
    with pytest.raises(ModelError, match="found a folder"):
        read_weights(tmp_path)


def test_a_file_for_a_torchvision_network_brings_its_preprocessing(tmp_path):
    """With a file of weights the statistics of the network's own training apply."""
    source = build("squeezenet1_1", 1000)
    torch.save(source.module.state_dict(), tmp_path / "w.pt")
    network = build("squeezenet1_1", 2, weights=tmp_path / "w.pt")
    assert network.pretrained
    assert (network.wants.size, network.wants.resize) == (224, 256)
    assert network.wants.mean == (0.485, 0.456, 0.406)
    assert source.wants.mean is None
    assert torch.equal(network.module.features[0].weight, source.module.features[0].weight)


def test_auxiliary_weights_are_left_out_in_silence(tmp_path):
    """A published GoogLeNet file has auxiliary heads, which are not missed here."""
    state = build("googlenet", 1000).module.state_dict()
    state = {**state, "aux1.fc2.weight": torch.ones(1000, 1024)}
    torch.save(state, tmp_path / "w.pt")
    ear = Ear()
    build("googlenet", 2, weights=tmp_path / "w.pt", listener=ear)
    assert not ear.warned
    assert not any("aux1" in text for text in ear.said)


def test_old_names_of_torchvision_are_translated(tmp_path):
    """DenseNet files from before 2019 load by their old names."""
    state = build("densenet121", 1000).module.state_dict()
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): v for key, v in state.items()
    }
    torch.save(old, tmp_path / "w.pt")
    ear = Ear()
    build("densenet121", 1000, weights=tmp_path / "w.pt", listener=ear)
    assert not ear.warned


def test_the_default_weights_without_a_network_say_what_to_bring(tmp_path, monkeypatch):
    """Offline, the file's name, torch's folder and --weights FILE are told."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*args, **kwargs):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    ear = Ear()
    with pytest.raises(ModelError) as caught:
        build("resnet18", 2, weights="default", listener=ear)
    told = str(caught.value)
    assert "resnet18-f37072fd.pth" in told
    assert str(tmp_path / "checkpoints") in told
    assert "--weights FILE" in told
    assert "https://download.pytorch.org" in ear.said[0]


def test_the_default_weights_are_compared_by_hash(tmp_path, monkeypatch):
    """A file in torch's folder whose hash is not the published one is refused."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet18-f37072fd.pth").write_bytes(b"something else")
    with pytest.raises(ModelError, match="SHA-256 begins with"):
        build("resnet18", 2, weights="default")


def test_default_weights_that_are_there_are_used(tmp_path, monkeypatch):
    """A file in torch's folder with the right hash is loaded without a network."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    torch.save(build("squeezenet1_1", 1000).module.state_dict(), folder / "w.pth")
    digest = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()[:8]
    (folder / "w.pth").rename(folder / f"w-{digest}.pth")
    path = download.fetch(f"https://example.invalid/w-{digest}.pth", "squeezenet1_1")
    assert len(read_weights(path)) == 52


@pytest.mark.parametrize("name", ["small_resnet", "speed_net", "tutorial_cnn"])
def test_our_own_networks_have_no_published_weights(name):
    """Asking for published weights that do not exist says what to ask for instead."""
    with pytest.raises(ModelError, match=r"no published weights(?s:.)*--weights none"):
        build(name, 2, weights="default")


@pytest.mark.skipif(not SHARED.exists(), reason="LAMPLIGHTER_TEST_DATA names no real weights")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenet_v2", "mobilenet_v2-5056a157.pth"),
        ("squeezenet1_0", "squeezenet1_0-2ce26058.pth"),
    ],
)
def test_real_files_fill_the_whole_backbone(name, file):
    """Real ImageNet files load every tensor but the head's, and with 1,000 classes all."""
    ear = Ear()
    state = read_weights(SHARED / file)
    few = build(name, 2, weights=SHARED / file, listener=ear)
    assert not ear.warned
    inside = few.module.state_dict()
    body = [key for key in inside if not key.startswith(few.head[0])]
    assert all(torch.equal(inside[key], state[key]) for key in body)
    build(name, 1000).module.load_state_dict(state, strict=True)


class Block(nn.Module):
    """A residual block whose short cut drops every second pixel and pads the channels."""

    def __init__(self, entering, leaving, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.extra = leaving - entering

    def forward(self, planes):
        inner = torch.relu(self.bn1(self.conv1(planes)))
        kept = planes
        if self.extra:
            side = self.extra // 2
            kept = nn.functional.pad(planes[:, :, ::2, ::2], (0, 0, 0, 0, side, side))
        return torch.relu(self.bn2(self.conv2(inner)) + kept)


class ResNet20(nn.Module):
    """The CIFAR-10 network of the ResNet paper, with the names that its public weights use."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for stage, (entering, leaving) in enumerate(((16, 16), (16, 32), (32, 64)), start=1):
            first = Block(entering, leaving, 1 if stage == 1 else 2)
            rest = [Block(leaving, leaving, 1) for _ in range(2)]
            setattr(self, f"layer{stage}", nn.Sequential(first, *rest))
        self.linear = nn.Linear(64, num_classes)

    def forward(self, images):
        planes = torch.relu(self.bn1(self.conv1(images)))
        planes = self.layer3(self.layer2(self.layer1(planes)))
        return self.linear(planes.mean(dim=(2, 3)))


@pytest.mark.skipif(not SHARED.exists(), reason="LAMPLIGHTER_TEST_DATA names no real weights")
def test_a_file_saved_from_data_parallel_fills_an_own_class():
    """The ResNet-20 file, nested and with module. before each name, fills an own class wholly."""
    ear, module = Ear(), ResNet20()
    fit_weights(module, read_weights(SHARED / "resnet20-12fca82f.th", listener=ear), listener=ear)
    assert any("'module.'" in text for text in ear.said)
    assert any("'state_dict'" in text for text in ear.said)
    assert not ear.warned
    counted = [key for key in module.state_dict() if "num_batches" not in key]
    assert f"{len(counted)} of {len(counted)} tensors loaded" in ear.said[-1]
