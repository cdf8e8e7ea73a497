"""Networks of our own for small pictures, with the table that names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamplighter.errors import UsageError
from lamplighter.models.speed_net import VIEWS, WIDTHS, SpeedNet


class TutorialCNN(nn.Module):
    """The network of many first PyTorch courses: three 5×5 convolutions, then two linear layers.

    Without activations between the layers (the default, as the courses write it) it is a chain of
    linear maps and max pooling; `activation="relu"` puts one after each convolution and after the
    first linear layer.

    Args:
        outputs: classes.
        channels: planes of the input.
        size: height and width of the input in pixels, 8 or more; 32 gives 64×4×4 = 1024 features.
        activation: "none" or "relu".

    Source: the CIFAR-10 quick model of Krizhevsky's cuda-convnet, as drawn in PyTorch courses.
    """

    def __init__(
        self, outputs: int = 10, *, channels: int = 3, size: int = 32, activation: str = "none"
    ) -> None:
        super().__init__()
        if size < 8:
            raise UsageError(
                f"tutorial_cnn halves the picture three times and needs 8 pixels, got {size}",
                where="size",
                fix="use --size 32",
            )
        between: Callable[[], nn.Module] = nn.ReLU if activation == "relu" else nn.Identity
        layers: list[nn.Module] = []
        for entering, leaving in ((channels, 32), (32, 32), (32, 64)):
            layers.append(nn.Conv2d(entering, leaving, 5, padding=2))
            if activation == "relu":
                layers.append(between())
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(64 * (size // 8) ** 2, 64)
        self.activation = between()
        self.head = nn.Linear(64, outputs)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Gives outputs_BK."""
        features_BF = self.flatten(self.features(images_BCHW))
        return self.head(self.activation(self.hidden(features_BF)))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a short cut round them; `stride` 2 halves the picture."""

    def __init__(self, entering: int, leaving: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(leaving)
        self.shortcut: nn.Module = nn.Identity()
        if entering != leaving or stride != 1:
            # averaging first keeps every pixel; a strided 1×1 alone would drop three of four
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(entering, leaving, 1, bias=False),
                nn.BatchNorm2d(leaving),
            )

    def forward(self, planes_BCHW: Tensor) -> Tensor:
        """Gives planes of `leaving` channels."""
        inner = F.relu(self.norm1(self.conv1(planes_BCHW)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(planes_BCHW))


class SmallResNet(nn.Module):
    """A residual network for pictures of 8×8 to 96×96: a 3×3 stem, four stages, global average.

    Args:
        outputs: classes.
        channels: planes of the input.

    Source: He et al. 2015 (arXiv 1512.03385), the CIFAR form, with the averaged short cuts of
        He et al. 2018 (arXiv 1812.01187).
    """

    def __init__(self, outputs: int = 10, *, channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()
        )
        self.stages = nn.Sequential(
            ResidualBlock(32, 32),
            ResidualBlock(32, 64, stride=2),
            ResidualBlock(64, 128, stride=2),
            ResidualBlock(128, 256, stride=2),
        )
        self.head = nn.Linear(256, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, ResidualBlock):
                # each block begins as its own short cut, which steadies the first steps
                nn.init.zeros_(module.norm2.weight)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Gives outputs_BK."""
        planes_BCHW = self.stages(self.stem(images_BCHW))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(planes_BCHW, 1), 1))


def make_speed_net(
    outputs: int = 10,
    *,
    channels: int = 3,
    views: str = "one",
    widths: str = ",".join(map(str, WIDTHS)),
) -> SpeedNet:
    """A SpeedNet by what an artifact can hold: its widths as a text, "64,128,256"."""
    return SpeedNet(
        outputs, channels=channels, views=views, widths=[int(one) for one in widths.split(",")]
    )


@dataclass(frozen=True)
class SmallRow:
    """One network of the table: how it is made, its head, its options and its sizes in pixels.

    Args:
        recorded: options that an artifact holds though nobody asked for them, so that a version with
            other defaults builds an old file's network as it was.
    """

    make: Callable[..., nn.Module]
    about: str
    head: tuple[str, ...] = ("head",)
    options: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    min_size: int = 1


SMALL: dict[str, SmallRow] = {
    "tutorial_cnn": SmallRow(
        TutorialCNN,
        "three 5×5 convolutions and two linear layers, as in many courses",
        options={"size": int, "activation": ("none", "relu")},
        size=32,
        min_size=8,
    ),
    "small_resnet": SmallRow(SmallResNet, "residual network for pictures of 8×8 to 96×96 pixels"),
    "speed_net": SmallRow(
        make_speed_net,
        "whitened patches and six convolutions, learns in minutes: 12×12 to 64×64 pixels",
        options={"views": VIEWS, "widths": re.compile(r"[1-9][0-9]{0,2}(,[1-9][0-9]{0,2}){2}")},
        recorded={"views": "one", "widths": ",".join(map(str, WIDTHS))},
        min_size=12,
    ),
}
