"""T104: pictures that are not prepared as the pretrained weights they enter want."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms as v1
from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1
from torchvision.transforms import v2

import lamplighter as lamp
from lamplighter.checks.pretrained import Scale, normalisations, not_as_wanted, registered
from lamplighter.watch import Watch, watch

FILE = SqueezeNet1_1_Weights.DEFAULT.url.rsplit("/", 1)[-1]
SCALED = [v2.ToDtype(torch.float32, scale=True)]
IMAGENET = v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = v2.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CIFAR = v2.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261))
SAID = (
    "SqueezeNet1_1_Weights.IMAGENET1K_V1 were trained with mean (0.485, 0.456, 0.406) and "
    "deviation (0.229, 0.224, 0.225): white in the first channel is {white} here and 2.25 there"
)


class Photographs(Dataset[Any]):
    """Pictures with black and white in them, through some transforms."""

    def __init__(self, *steps: Any) -> None:
        self.transform = v2.Compose(list(steps))
        self.pictures = torch.randint(0, 256, (16, 3, 40, 40), dtype=torch.uint8)
        self.pictures[..., 0, :], self.pictures[..., 1, :] = 0, 255

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.pictures[index]), index % 2


class Within(nn.Module):
    """A network that normalises by itself."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pictures: Tensor) -> Any:
        return self.inner(IMAGENET(pictures))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of weights in torch's cache, under the name that torchvision gives them."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    path = tmp_path / "checkpoints" / FILE
    path.parent.mkdir()
    torch.manual_seed(1)
    torch.save(squeezenet1_1().state_dict(), path)
    torch.manual_seed(0)
    return path


def _load(path: Path) -> Any:
    net = squeezenet1_1()
    net.load_state_dict(torch.load(path))
    net.classifier[1] = nn.Conv2d(512, 2, kernel_size=1)
    return net


def _run(net: nn.Module, dataset: Dataset[Any], *, train: bool = True) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
    net.train(train)
    loader = DataLoader(dataset, batch_size=8, shuffle=train)
    for pictures, labels in loader:
        with torch.set_grad_enabled(train):
            answers = net(pictures)
        if train:
            optimizer.zero_grad()
            F.cross_entropy(answers, labels).backward()
            optimizer.step()


def _told(watching: Watch) -> list[Any]:
    assert watching.faults == []
    return [f for f in watching.findings if f.code == "T104"]


@pytest.mark.parametrize("train", [True, False], ids=["trained", "evaluated"])
def test_other_normalisation_than_the_weights_want_is_told(weights: Path, train: bool) -> None:
    """What was seen, what the weights want, and the call that mends it, at the line of Normalize."""
    with watch() as watching:
        _run(_load(weights), Photographs(*SCALED, HALF), train=train)
    (finding,) = _told(watching)
    assert finding.level == "warning"
    assert finding.where == "`loader`"
    assert finding.message == (
        "its pictures are normalised with mean (0.500, 0.500, 0.500) and deviation (0.500, 0.500, "
        "0.500); " + SAID.format(white="1.00")
    )
    assert finding.fix == (
        "prepare the pictures with weights.transforms(), or end your own transforms with "
        "Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])"
    )
    assert finding.file == __file__


def test_weights_asked_of_torchvision_are_known(weights: Path) -> None:
    """`squeezenet1_1(weights=…)` reads the same file from torch's cache."""
    assert weights.is_file()
    with watch() as watching:
        _run(squeezenet1_1(weights=SqueezeNet1_1_Weights.DEFAULT), Photographs(*SCALED, HALF))
    (finding,) = _told(watching)
    assert "SqueezeNet1_1_Weights.IMAGENET1K_V1" in finding.message


def test_no_normalisation_is_told(weights: Path) -> None:
    """Values from 0 to 1 enter weights that know them around 0."""
    with watch() as watching:
        _run(_load(weights), Subset(Photographs(*SCALED), range(12)))
    (finding,) = _told(watching)
    assert finding.message == (
        "its pictures are not normalised: their values go from 0.00 to 1.00; "
        + SAID.format(white="1.00")
    )


def test_raw_pixels_are_told_once(weights: Path) -> None:
    """Values to 255 are D103 in training; at evaluation, where nobody else looks, they are T104."""
    dataset = Photographs(v2.ToDtype(torch.float32))
    with watch() as training:
        _run(_load(weights), dataset)
    assert _told(training) == []
    assert "D103" in {f.code for f in training.findings}
    with watch() as evaluating:
        _run(_load(weights), dataset, train=False)
    (finding,) = _told(evaluating)
    assert finding.message == (
        "its pictures are not normalised: their values go from 0.00 to 255.00; "
        + SAID.format(white="255.00")
    )


def test_weights_from_before_watching_are_known_from_the_cache(weights: Path) -> None:
    """`lamp.watch` around the loop alone, and `lamp.check`, look into torch's cache."""
    net, dataset = _load(weights), Photographs(*SCALED, HALF)
    found = lamp.check(net, DataLoader(dataset, batch_size=8), loss=F.cross_entropy).findings
    assert "T104" in {f.code for f in found}
    with watch(net) as watching:
        _run(net, dataset)
    assert len(_told(watching)) == 1


def _anew(net: Any) -> Any:
    net.features[0] = nn.Conv2d(3, 64, 3, 2)
    return net


def _own(net: Any) -> Any:
    net.load_state_dict({k: v + 0.01 for k, v in net.state_dict().items()})
    return net


def _same(net: Any) -> Any:
    return net


@pytest.mark.parametrize(
    ("make", "steps"),
    [
        (_same, [IMAGENET]),
        (_same, [CIFAR]),
        (_same, [v2.Lambda(IMAGENET)]),
        (_anew, [HALF]),
        (_own, [HALF]),
        (Within, []),
    ],
    ids=["as wanted", "near to it", "opaque", "first layer anew", "own weights", "within"],
)
def test_healthy_preparation_stays_silent(
    weights: Path, make: Callable[[Any], nn.Module], steps: list[Any]
) -> None:
    """As wanted or nearly so, by whatever way, and networks whose first layer is one's own."""
    dataset = Photographs(*SCALED, *steps)
    with watch() as watching:
        net = make(_load(weights))
        _run(net, dataset)
        _run(net, dataset, train=False)
    assert _told(watching) == []
    found = lamp.check(make(_load(weights)), DataLoader(dataset, batch_size=8)).findings
    assert [f for f in found if f.code == "T104"] == []


def test_network_without_pretrained_weights_stays_silent(weights: Path) -> None:
    """The same network from scratch learns any scale, whatever lies in the cache."""
    assert weights.is_file()
    with watch() as watching:
        _run(squeezenet1_1(num_classes=2), Photographs(*SCALED, HALF))
    assert _told(watching) == []


def test_weights_that_want_another_scale_than_imagenet() -> None:
    """EfficientNetV2-L was trained with 0.5 and 0.5, so the usual constants are the mistake there."""
    wanted = registered()["efficientnet_v2_l-59c71312.pth"]
    half, usual = Scale((0.5,) * 3, (0.5,) * 3), Scale(tuple(IMAGENET.mean), tuple(IMAGENET.std))
    assert wanted.scale == half
    pictures = torch.rand(8, 3, 16, 16)
    assert [*not_as_wanted(HALF(pictures), wanted, [half], where="x")] == []
    (finding,) = not_as_wanted(IMAGENET(pictures), wanted, [usual], where="x")
    assert (
        "EfficientNet_V2_L_Weights.IMAGENET1K_V1 were trained with mean (0.500," in finding.message
    )
    # what a data set says is believed only where the values lie where it would put them
    assert [*not_as_wanted(3 * pictures + 1, wanted, [usual], where="x")] == []


def test_normalisation_is_found_wherever_transforms_lie() -> None:
    """Nested, of the first generation, in presets of torchvision, written for pixels to 255."""
    old = v1.Compose([v1.ToTensor(), v1.Compose([v1.Normalize(0.5, 0.25)])])
    assert normalisations(Photographs(old)) == [Scale((0.5,) * 3, (0.25,) * 3)]
    preset = SqueezeNet1_1_Weights.DEFAULT.transforms()
    (found,) = normalisations(Subset(Photographs(preset), [0]))
    assert found.mean == pytest.approx((0.485, 0.456, 0.406))
    wide = v2.Normalize((127.5,) * 3, (127.5,) * 3)
    assert normalisations(Photographs(nn.Sequential(wide))) == [Scale((0.5,) * 3, (0.5,) * 3)]
    assert normalisations([Photographs(HALF), {"x": 3}]) == [Scale((0.5,) * 3, (0.5,) * 3)]
    assert normalisations(object()) == []
