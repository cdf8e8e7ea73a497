"""Muon: an orthogonal step for filters, SGD for the rest."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import lamplighter
from lamplighter.models.build import build
from lamplighter.training.muon import Muon, last_matrix, muon_groups, orthogonalised, own_rate


def matrix(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24), (1, 9)])
def test_five_steps_are_near_the_orthogonal_factor_of_the_svd(shape: tuple[int, int]) -> None:
    """Singular vectors stay, singular values come near 1: U·Vᵀ of the SVD, up to its own slack."""
    given = matrix(*shape)
    u, values, v = torch.linalg.svd(given, full_matrices=False)
    found = orthogonalised(given, steps=5)
    inside = u.T @ found @ v.T
    assert torch.allclose(inside, torch.diag(inside.diagonal()), atol=1e-4)
    large = values > 0.02 * values.norm()  # those far below the others take more steps
    assert large.float().mean() > 0.9
    assert ((inside.diagonal()[large] > 0.6) & (inside.diagonal()[large] < 1.3)).all()
    cosine = (found * (u @ v)).sum() / found.norm() / (u @ v).norm()
    assert cosine > 0.98


def test_scale_and_zero() -> None:
    """A gradient's size does not matter, and no gradient gives no step."""
    given = matrix(8, 20)
    assert torch.allclose(orthogonalised(given * 1e4), orthogonalised(given), atol=1e-4)
    assert torch.equal(orthogonalised(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_the_rest_is_sgd_with_nesterov() -> None:
    """Parameters that are no filters go exactly the way of torch's SGD."""
    torch.manual_seed(0)
    ours = nn.Linear(5, 3)
    theirs = copy.deepcopy(ours)
    muon = Muon([{"params": list(ours.parameters()), "factor": 2.0, "momentum": 0.85}], lr=0.05)
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.85, nesterov=True)
    for step in range(4):
        for net, optimizer in ((ours, muon), (theirs, sgd)):
            optimizer.zero_grad()
            net(matrix(7, 5, step)).square().mean().backward()
            optimizer.step()
    assert torch.allclose(ours.weight, theirs.weight, atol=1e-6)
    assert torch.allclose(ours.bias, theirs.bias, atol=1e-6)


def test_filters_keep_their_norm_and_turn() -> None:
    """A bank of filters is brought to the norm √rows before the step, which has about that norm too."""
    conv = nn.Conv2d(4, 8, 3, bias=False)
    before = conv.weight.detach() * (8**0.5 / conv.weight.detach().norm())
    muon = Muon([{"params": [conv.weight], "filters": True, "rescale": True}], lr=0.1)
    conv(torch.randn(2, 4, 6, 6)).square().sum().backward()
    muon.step()
    moved = (conv.weight.detach() - before) / 0.1
    assert 0.6 * 8**0.5 < moved.norm() < 1.3 * 8**0.5


@pytest.mark.parametrize("name", ["speed_net", "small_resnet", "mobilenet_v2", "tutorial_cnn"])
def test_every_parameter_is_in_one_group(name: str) -> None:
    """All learn; the head, grouped convolutions, norms and biases are no filters."""
    network = build(name, 4)
    groups = muon_groups(network, 0.1, batch=32, backbone_factor=0.5, weight_decay=0.01)
    members = [id(p) for group in groups for p in group["params"]]
    assert sorted(members) == sorted(id(p) for p in network.module.parameters())
    filters = {id(p) for group in groups if group["filters"] for p in group["params"]}
    for path, layer in network.module.named_modules():
        for parameter in layer.parameters(recurse=False):
            plain = getattr(layer, "groups", 1) == 1 and not isinstance(layer, nn.BatchNorm2d)
            wanted = parameter.ndim > 1 and plain and path not in network.head
            assert (id(parameter) in filters) is wanted, path
    head = next(group for group in groups if group["name"] == "head")
    body = next(group for group in groups if group["filters"])
    assert body["factor"] == 0.5
    assert head["lr"] == body["lr"] == 0.1


def test_the_same_again_after_a_copy() -> None:
    """Its state goes through a state dict: the next step is the same to the last bit."""
    torch.manual_seed(0)
    network = build("speed_net", 3)
    network.module.to(memory_format=torch.channels_last)
    images = torch.randn(4, 3, 12, 12).contiguous(memory_format=torch.channels_last)

    def made(module: nn.Module) -> Muon:
        own = copy.copy(network)
        own.module = module
        groups = muon_groups(own, 0.05, batch=4, backbone_factor=1.0, weight_decay=0.0)
        return Muon(groups, lr=0.05)

    def step(module: nn.Module, optimizer: Muon) -> None:
        optimizer.zero_grad()
        module(images).square().sum().backward()
        optimizer.step()

    first, second = network.module, copy.deepcopy(network.module)
    one, two = made(first), made(second)
    step(first, one)
    second.load_state_dict(first.state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    step(first, one)
    step(second, two)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_own_modules_are_parted_by_their_last_layer(tmp_path: Path) -> None:
    """`lamp.fit(optimizer="Muon")`: filters move by Muon; head, embedding, biases and what is frozen do not."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Embedding(10, 6), nn.Flatten(), nn.Linear(24, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
    )  # fmt: skip
    module[4].requires_grad_(False)
    before = copy.deepcopy(module.state_dict())
    data = TensorDataset(torch.randint(0, 10, (32, 4)), torch.arange(32) % 3)
    lamplighter.fit(
        module, data, optimizer="Muon", lr=0.01, batch=32, epochs=1, weight_decay=0.0,
        checks="off", tensorboard=False, out=str(tmp_path), device="cpu",
    )  # fmt: skip
    moved = {k: v - before[k] for k, v in module.state_dict().items()}
    # all singular values of an orthogonalised step are near 1, those of a gradient far apart
    values = torch.linalg.svdvals(moved["2.weight"]) / 0.01
    large = values > 0.3
    assert large.sum() >= 5
    assert values.max() < 1.3
    assert moved["6.weight"].norm() > 0
    assert torch.linalg.svdvals(moved["6.weight"])[0] < 0.01
    assert not moved["4.weight"].any()


def test_a_network_may_say_its_rate() -> None:
    """speed_net says which rate suits a batch; to other optimizers and of other networks nothing is said."""
    network = build("speed_net", 3).module
    assert own_rate(network, "Muon", 500) == pytest.approx(0.12)
    assert own_rate(network, "SGD", 500) is None
    assert own_rate(nn.Linear(2, 2), "Muon", 500) is None
    assert last_matrix(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == "0"
    assert last_matrix(nn.ReLU()) == ""
