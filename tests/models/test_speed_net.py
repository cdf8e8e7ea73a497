"""The network of the recipe `speed`: whitened patches, identity at the start, averaged answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamplighter.artifact import Artifact, load_module, save_artifact
from lamplighter.checks.structure import frozen_norm_learns
from lamplighter.images.preprocess import Preprocess
from lamplighter.models import small
from lamplighter.models.build import build
from lamplighter.models.speed_net import (
    LEAST_VARIANCE,
    VIEWS,
    ShiftNorm,
    SpeedNet,
    whitening_filters,
)


def pictures(count: int, channels: int = 3, side: int = 16) -> Tensor:
    """Smooth noise, so that neighbouring pixels go together as in photographs."""
    noise = torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(3))
    mixed = torch.einsum(
        "oc,bchw->bohw", torch.ones(channels, channels) + torch.eye(channels), noise
    )
    return F.avg_pool2d(mixed, 3, 1, 1)


def patches_of(images: Tensor) -> Tensor:
    """All 2×2 patches as rows, cut by hand."""
    _, _, height, width = images.shape
    cut = [
        images[:, :, y : y + 2, x : x + 2].flatten(1)
        for y in range(height - 1)
        for x in range(width - 1)
    ]
    return torch.cat(cut).double()


def test_whitening_is_the_inverse_root_of_the_covariance() -> None:
    """The filters' Gram matrix is the inverse of the patches' covariance, by its own eigenvectors."""
    images = pictures(50)
    patches = patches_of(images)
    covariance = patches.T @ patches / len(patches)
    filters = whitening_filters(images, 2).double()
    values, vectors = torch.linalg.eigh(covariance)
    expected = vectors @ torch.diag(1 / (values + LEAST_VARIANCE)) @ vectors.T
    assert torch.allclose(filters.T @ filters, expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(
        filters.gather(1, filters.abs().argmax(1, keepdim=True)) > 0, torch.ones(12, 1) > 0
    )


def test_whitened_patches_are_white() -> None:
    """After the layer, patches vary by 1 in every direction and no two directions go together."""
    images = pictures(200, channels=1)
    net = SpeedNet(3, channels=1)
    before = net.whitening(images)[:, :4].permute(0, 2, 3, 1).reshape(-1, 4)
    net.whitening.whiten(images)
    after = net.whitening(images)[:, :4].permute(0, 2, 3, 1).reshape(-1, 4)
    one = torch.eye(4)
    assert (before.T @ before / len(before) - one).abs().max() > 0.5
    assert (after.T @ after / len(after) - one).abs().max() < 0.05


def test_whitening_does_not_learn_and_travels_with_the_weights() -> None:
    """The filters are a buffer: no optimizer sees them, and a state dict holds them."""
    net, other = SpeedNet(3), SpeedNet(3)
    net.whitening.whiten(pictures(20))
    assert not any("filters" in name for name, _ in net.named_parameters())
    other.load_state_dict(net.state_dict())
    assert torch.equal(other.whitening.filters, net.whitening.filters)


def test_groups_begin_by_handing_on() -> None:
    """The first planes of a group are what it was given, before pooling and normalising."""
    net = SpeedNet(3)
    planes = torch.randn(2, 24, 8, 8)
    assert torch.equal(net.groups[0].conv1(planes)[:, :24], planes)


def test_a_norm_that_learns_a_bias_is_not_frozen() -> None:
    """M112 is for norms that learn nothing: these learn a bias, and with it frozen they are told."""
    net = SpeedNet(3)
    norms = {name for name, layer in net.named_modules() if isinstance(layer, ShiftNorm)}
    assert list(frozen_norm_learns(net, norms)) == []
    net.requires_grad_(False)
    assert [finding.code for finding in frozen_norm_learns(net, norms)] == ["M112"]


@pytest.mark.parametrize("side", [12, 13, 20, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes(side: int, channels: int) -> None:
    """Pictures of 12 to 64 pixels, grey or colour, are answered."""
    net = build("speed_net", 5, channels=channels)
    assert net.min_size == 12
    assert net.module(torch.randn(2, channels, side, side)).shape == (2, 5)


def by_hand(net: SpeedNet, images: Tensor, views: str) -> Tensor:
    """The averages written out view by view."""
    pad = F.pad(images, (1, 1, 1, 1), mode="reflect")
    here, up, down = images, pad[:, :, :-2, :-2], pad[:, :, 2:, 2:]
    shares = {
        "one": [(here, 1.0)],
        "mirror": [(here, 0.5), (here.flip(3), 0.5)],
        "moved": [(here, 0.5), (up, 0.25), (down, 0.25)],
        "all": [
            (view, share / 2)
            for whole, share in ((here, 0.5), (up, 0.25), (down, 0.25))
            for view in (whole, whole.flip(3))
        ],
    }
    return torch.stack([net.one(view) * share for view, share in shares[views]]).sum(0)


@pytest.mark.parametrize("views", VIEWS)
def test_answers_are_the_average_over_views(views: str) -> None:
    """In evaluation mode the answer is the weighted mean over the views; in training it is one's."""
    torch.manual_seed(0)
    net = SpeedNet(4, views=views)
    images = pictures(6)
    net.train()
    assert torch.equal(net(images), net.one(images))
    net.eval()
    with torch.inference_mode():
        assert torch.allclose(net(images), by_hand(net, images, views), atol=1e-5)


@pytest.mark.parametrize("widths", [None, "8,16,24"])
def test_a_file_holds_the_widths(
    widths: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of other widths is built from its file as it was, also where the usual ones change."""
    torch.manual_seed(0)
    network = build("speed_net", 3, options={"widths": widths} if widths else {})
    assert [group.conv1.out_channels for group in network.module.groups] == (
        [8, 16, 24] if widths else [64, 128, 256]
    )
    classes = ("a", "b", "c")
    artifact = Artifact(network.architecture, "classification", classes, Preprocess(16))
    save_artifact(tmp_path / "model.safetensors", artifact, network.module)

    def another(outputs: int, *, widths: str = "1,2,3", **options: str) -> SpeedNet:
        return SpeedNet(outputs, widths=[int(one) for one in widths.split(",")], **options)

    later = replace(small.SMALL["speed_net"], make=another, recorded={})
    monkeypatch.setitem(small.SMALL, "speed_net", later)
    _, loaded = load_module(tmp_path / "model.safetensors")
    images = pictures(2)
    with torch.inference_mode():
        assert torch.equal(loaded(images), network.module.eval()(images))


def test_the_whitening_learns_in_the_first_epochs_alone() -> None:
    """Afterwards its biases have no gradient, and stay as they are; all else learns on."""
    net = SpeedNet(3)
    for done, learning in ((0.0, True), (0.25, True), (0.375, False), (0.9, False), (0.0, True)):
        net.begin_epoch(done)
        net.zero_grad(set_to_none=True)
        net(torch.rand(4, 3, 16, 16)).sum().backward()
        assert (net.whitening.bias.grad is not None) is learning
        assert all(p.grad is not None for p in net.groups.parameters())
