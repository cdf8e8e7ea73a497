"""Heat maps lie where the evidence is, and leave the network as it was."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lamplighter.artifact import Artifact
from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.errors import ModelError
from lamplighter.evaluation.heatmap import explain, grad_cam, occlusion, overlay
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.predict import Model
from lamplighter.truth import heat_maps


class _Bright(nn.Module):
    """Answers 1 for a bright patch, by a convolution and a mean; 4 maps of 8 × 8."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 4, stride=4, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.conv.weight.fill_(1 / 16)
            self.head.weight.copy_(torch.tensor([[0.0, 0.0], [8.0, 8.0]]))

    def forward(self, images_BCHW):
        return self.head(self.drop(self.relu(self.conv(images_BCHW)).mean(dim=(2, 3))))


class _Tokens(nn.Module):
    """Like a vision transformer: patches and a class token; only that token is classified."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, 4, 4, stride=4, bias=False)
        self.before = nn.Identity()
        self.after = nn.LayerNorm(4, elementwise_affine=False)
        self.head = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            self.patch.weight.copy_(torch.tensor([1.0, 2, 3, 4])[:, None, None, None] / 16)
            self.head.weight.copy_(torch.tensor([[0.0, 0, 0, 0], [-4.0, -1, 1, 4]]))

    def forward(self, images_BCHW):
        patches = self.before(self.patch(images_BCHW).flatten(2).transpose(1, 2))
        token = patches.mean(dim=1, keepdim=True)
        return self.head(self.after(torch.cat([token, patches], dim=1))[:, 0])


@pytest.fixture
def images():
    """Two images with a bright patch, top left and bottom right."""
    batch = torch.zeros(2, 1, 32, 32)
    batch[0, :, 4:12, 4:12] = 1
    batch[1, :, 20:28, 20:28] = 1
    return batch


def _centre(heat):
    rows, columns = np.mgrid[: heat.shape[0], : heat.shape[1]]
    return float((rows * heat).sum() / heat.sum()), float((columns * heat).sum() / heat.sum())


@pytest.mark.parametrize("way", [grad_cam, occlusion])
def test_the_heat_lies_on_the_evidence(way, images):
    """The centre of the heat is the bright patch, for each image of the batch."""
    classes = torch.tensor([1, 1])
    heat = way(_Bright(), images, classes)
    assert heat.shape == (2, 32, 32)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1.0)
    for one, place in zip(heat, (7.5, 23.5), strict=True):
        assert _centre(one) == pytest.approx((place, place), abs=2.5)


def test_the_network_is_left_as_it_was(images):
    """Modes, gradients, weights and hooks are the same after both ways."""
    net = _Bright().train()
    net.relu.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    explain(net, images)
    occlusion(net, images)
    assert (net.training, net.relu.training, net.drop.training) == (True, False, True)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())


def test_frozen_networks_are_explained_too(images):
    """Without a weight that wants a gradient the maps still get one."""
    net = _Bright().requires_grad_(False)
    heat, way = explain(net, images)
    assert way == "grad-cam"
    assert heat.max() == pytest.approx(1.0)


def test_tokens_are_maps_while_they_still_count(images):
    """After the last attention only the class token counts: an earlier layer is used."""
    heat, way = explain(_Tokens(), images, torch.tensor([1, 1]))
    assert way == "grad-cam"
    for one, place in zip(heat, (7.5, 23.5), strict=True):
        assert _centre(one) == pytest.approx((place, place), abs=2.5)


def test_a_head_of_zeros_has_no_heat(images):
    """Where no place matters to the logit the map is empty, and nothing is covered to find out."""
    net = _Bright()
    nn.init.zeros_(net.head.weight)
    heat, way = explain(net, images)
    assert (way, heat.max()) == ("grad-cam", 0.0)


def test_a_network_without_maps_is_explained_by_covering(images):
    """A perceptron has no places inside: occlusion is used, and Grad-CAM says why not."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
    heat, way = explain(net, images)
    assert (way, heat.shape) == ("occlusion", (2, 32, 32))
    with pytest.raises(ModelError, match="puts out maps"):
        grad_cam(net, images)


def test_all_branches_of_a_block_count(images):
    """Where branches are joined by a function, the block's own output is explained."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.blind, self.seeing = nn.Conv2d(1, 1, 4, stride=4), nn.Conv2d(1, 1, 4, stride=4)
            with torch.no_grad():
                for value, branch in ((0.0, self.seeing), (0.0, self.blind)):
                    branch.weight.fill_(value)
                    branch.bias.zero_()
                self.seeing.weight.fill_(1.0)

        def forward(self, images_BCHW):
            return torch.cat([self.seeing(images_BCHW), self.blind(images_BCHW)], dim=1)

    net = nn.Sequential(Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        net[3].weight.fill_(1.0)
    assert grad_cam(net, images).max() == pytest.approx(1.0)


def test_channels_last_maps_are_understood():
    """Maps of shape [B, H, W, C], as Swin has them, are turned by the image's proportions."""

    class Turned(_Bright):
        def __init__(self):
            super().__init__()
            self.turned = nn.Identity()

        def forward(self, images_BCHW):
            maps_BHWC = self.turned(self.conv(images_BCHW).permute(0, 2, 3, 1))
            return self.head(maps_BHWC.mean(dim=(1, 2)))

    heat, way = explain(Turned(), torch.rand(1, 1, 32, 48))
    assert (way, heat.shape) == ("grad-cam", (1, 32, 48))


def test_other_outputs_are_refused(images):
    """A network that answers with a dictionary is named as such."""

    class Other(nn.Module):
        def forward(self, images_BCHW):
            return {"logits": images_BCHW}

    with pytest.raises(ModelError, match="got dict"):
        occlusion(Other(), images)


def test_the_overlay_is_a_picture_of_the_same_size():
    """Heat is stretched over the picture, and hot places turn yellow."""
    heat = np.zeros((8, 8), np.float32)
    heat[:, 4:] = 1
    opened = Image.open(BytesIO(overlay(Image.new("L", (40, 20), 128), heat)))
    assert (opened.size, opened.format) == ((40, 20), "JPEG")
    cold, hot = opened.getpixel((2, 10)), opened.getpixel((37, 10))
    assert hot[0] - hot[2] > 50
    assert cold[2] > cold[0]


def test_pictures_explained_together_are_explained_as_alone(images):
    """A batch gives each picture the map that it has by itself, and its own answer's."""
    net = _Bright().eval()
    together, way = explain(net, images)
    alone = np.concatenate([explain(net, images[i : i + 1])[0] for i in range(len(images))])
    assert way == "grad-cam"
    assert np.allclose(together, alone, atol=1e-5)


def test_a_network_that_refuses_gradients_costs_no_report(tmp_path):
    """Pictures without heat maps are shown where a network of the user's own cannot be explained."""

    class Refusing(nn.Module):
        def forward(self, images_BCHW):
            if torch.is_grad_enabled():
                raise RuntimeError("backward can only be called in training mode")
            return images_BCHW.mean(dim=(2, 3))

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.new("RGB", (40, 40), (i * 20, 90, 200)).save(tmp_path / name / f"{i}.png")
    collection = collect(open_source(tmp_path))
    architecture = Architecture("own", "mynets:Net", 3, 3, {"called_with": "nothing"})
    artifact = Artifact(architecture, "classification", ("a", "b", "c"), Preprocess(40))
    maps = heat_maps(Model(artifact, Refusing(), torch.device("cpu")), collection)
    assert maps(["a/0.png", "b/1.png"]) == [None, None]
