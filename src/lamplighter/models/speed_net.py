"""A network that learns small pictures in minutes: whitened patches, six convolutions, no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 2  # side of the patches that are whitened
WIDTHS = (64, 128, 256)
FORGETTING = 0.4  # share of the newest batch in the running statistics; a short training needs much
LEAST_VARIANCE = 5e-4  # added to each: directions that hardly vary must not be blown up
# what the published recipe gives to a step of 2,000 pictures: filters 0.24; head and biases for each
# picture of the batch, as their gradients are those of a mean
FILTER_RATE, AT_BATCH, HEAD_RATE, BIAS_RATE = 0.24, 2000, 0.67, 0.053
WHITENING_LEARNS = 3 / 8  # of the training, as published
VIEWS = ("one", "mirror", "moved", "all")


class ShiftNorm(nn.BatchNorm2d):
    """Batch normalisation that learns a bias and no scale: the next filters have a scale already."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=FORGETTING)
        del self.weight
        self.register_buffer("weight", torch.ones(channels))

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        nn.init.zeros_(self.bias)
        if hasattr(self, "weight"):
            nn.init.ones_(self.weight)


class Whitening(nn.Module):
    """Each patch of 2×2 pixels as its share in the directions in which patches vary, and minus that.

    The filters are a buffer, not parameters: they are found from training pictures (`whiten`) and do
    not learn; their biases do. Before that they are patches as they are.

    Args:
        channels: planes of the input.

    Source: Page 2018 (myrtle.ai, How to train your ResNet) and Jordan 2024 (arXiv 2404.00498).
    """

    filters: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        numbers = channels * KERNEL**2
        identity = torch.eye(numbers).view(numbers, channels, KERNEL, KERNEL)
        self.register_buffer("filters", torch.cat([identity, -identity]))
        self.bias = nn.Parameter(torch.zeros(2 * numbers))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Gives planes one pixel smaller than the pictures, eight for each of their channels."""
        return F.conv2d(images_BCHW, self.filters, self.bias)

    def whiten(self, images_NCHW: Tensor) -> None:
        """Finds the filters.

        Args:
            images_NCHW: normalised training pictures; some thousands are plenty.
        """
        filters_FD = whitening_filters(images_NCHW.float(), KERNEL)
        found_FCHW = filters_FD.view(len(filters_FD), -1, KERNEL, KERNEL)
        self.filters.copy_(torch.cat([found_FCHW, -found_FCHW]))


def whitening_filters(images_NCHW: Tensor, side: int) -> Tensor:
    """Filters after which patches are uncorrelated and vary by 1 in every direction.

    Args:
        images_NCHW: float pictures.
        side: of the patches.

    Returns:
        float32 [D, D] with D = C·side², largest variance first; each row ends with a sign such that
        its largest entry is positive, so that the result does not depend on the solver.
    """
    patches_NDP = F.unfold(images_NCHW, side)
    rows_MD = patches_NDP.transpose(1, 2).reshape(-1, patches_NDP.shape[1]).double()
    covariance_DD = rows_MD.T @ rows_MD / len(rows_MD)
    variances_D, directions_DD = torch.linalg.eigh(covariance_DD.cpu())
    directions_DD = directions_DD.T.flip(0)
    largest_D1 = directions_DD.abs().argmax(dim=1, keepdim=True)
    directions_DD = directions_DD * directions_DD.gather(1, largest_D1).sign()
    scale_D1 = (variances_D.flip(0).clamp(min=0) + LEAST_VARIANCE).rsqrt()[:, None]
    return (directions_DD * scale_D1).to(images_NCHW)


class Group(nn.Module):
    """Two 3×3 convolutions with pooling after the first; both begin by handing on what they get."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.norm1 = ShiftNorm(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
        self.norm2 = ShiftNorm(leaving)
        for layer in (self.conv1, self.conv2):
            nn.init.dirac_(layer.weight[: layer.in_channels].data)

    def forward(self, planes_BCHW: Tensor) -> Tensor:
        """Gives planes of `leaving` channels and half the size."""
        planes_BCHW = F.gelu(self.norm1(self.pool(self.conv1(planes_BCHW))))
        return F.gelu(self.norm2(self.conv2(planes_BCHW)))


class SpeedNet(nn.Module):
    """The network of the recipe `speed`, for pictures of 12×12 to 64×64 pixels.

    Args:
        outputs: classes.
        channels: planes of the input.
        views: what is averaged when it answers (not while it learns): "one", the picture as it is;
            "mirror", also its mirror image; "moved", also by a pixel up and left, and down and
            right; "all", these and their mirror images. As it is part of the network, validation,
            predict and exported files answer alike.
        widths: planes of the three groups.

    Source: Jordan 2024, 94% on CIFAR-10 in 3.29 seconds on a single GPU (arXiv 2404.00498).
    """

    scale_free = True  # each filter is normalised right after, so its scale means nothing

    def __init__(
        self,
        outputs: int = 10,
        *,
        channels: int = 3,
        views: str = "one",
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__()
        self.views = views
        self.whitening = Whitening(channels)
        planes = (2 * channels * KERNEL**2, *widths)
        self.groups = nn.Sequential(*map(Group, planes[:-1], planes[1:]))
        self.head = nn.Linear(widths[-1], outputs, bias=False)
        with torch.no_grad():
            self.head.weight.div_(self.head.weight.std())

    @staticmethod
    def filter_rate(batch: int) -> float:
        """The learning rate of the filters that suits a batch: with its root, as its noise goes."""
        return FILTER_RATE * (batch / AT_BATCH) ** 0.5

    @staticmethod
    def rest_factors(batch: int) -> tuple[float, float]:
        """What the learning rate of the filters is multiplied by: (for the head, for biases)."""
        rate = SpeedNet.filter_rate(batch)
        return HEAD_RATE * batch / rate, BIAS_RATE * batch / rate

    def begin_epoch(self, done: float) -> None:
        """Lets the whitening's biases learn in the first three eighths of a training alone.

        Without them nothing has to be carried back through the first convolution, which sees the
        most pixels of all: a tenth of a step or more, and the same right answers.

        Args:
            done: how much of the training lies before the epoch that begins, 0 to 1.
        """
        self.whitening.bias.requires_grad_(done < WHITENING_LEARNS)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Gives outputs_BK."""
        if self.training or self.views == "one":
            return self.one(images_BCHW)
        return averaged(self.one, images_BCHW, self.views)

    def one(self, images_BCHW: Tensor) -> Tensor:
        """The outputs for the pictures as they are."""
        planes_BCHW = self.groups(F.gelu(self.whitening(images_BCHW)))
        return self.head(planes_BCHW.amax(dim=(2, 3))) / self.head.in_features


def averaged(answer: Callable[[Tensor], Tensor], images_BCHW: Tensor, views: str) -> Tensor:
    """The mean answer for several views of each picture.

    Args:
        views: see `SpeedNet`; moved pictures count half as much as the picture in its place.
    """

    def mirrored(images: Tensor) -> Tensor:
        if views == "moved":
            return answer(images)
        return (answer(images) + answer(images.flip(3))) / 2

    in_place_BK = mirrored(images_BCHW)
    if views == "mirror":
        return in_place_BK
    height, width = images_BCHW.shape[2:]
    bordered = F.pad(images_BCHW, (1, 1, 1, 1), mode="reflect")
    moved_BK = mirrored(bordered[:, :, :height, :width]) + mirrored(bordered[:, :, 2:, 2:])
    return in_place_BK / 2 + moved_BK / 4
