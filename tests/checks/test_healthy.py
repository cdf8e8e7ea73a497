"""Healthy things that look unusual: no error and no warning on any of them, under three seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check

Case = dict[str, Any]


def pictures(count: int = 128, size: int = 12, classes: int = 4) -> TensorDataset:
    """Pictures whose class shows as a bright quadrant, so that labels carry signal."""
    labels = torch.randint(0, classes, (count,))
    images = torch.randn(count, 3, size, size) * 0.5
    half = size // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label) % 4, 2)
        image[:, row * half : (row + 1) * half, column * half : (column + 1) * half] += 1
    return TensorDataset(images, labels)


def vectors(count: int = 256, width: int = 20, classes: int = 3) -> TensorDataset:
    labels = torch.randint(0, classes, (count,))
    return TensorDataset(torch.randn(count, width) + F.one_hot(labels, width) * 2.0, labels)


def perceptron(width: int = 20, classes: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes))


def tokens(count: int = 64, length: int = 12, vocabulary: int = 30) -> Tensor:
    """Rows that count upwards from a random beginning, with some noise."""
    rows = (torch.randint(0, vocabulary, (count, 1)) + torch.arange(length)) % vocabulary
    noise = torch.rand(count, length) < 0.2
    return torch.where(noise, torch.randint(0, vocabulary, rows.shape), rows)


class LanguageModel(nn.Module):
    """A one-layer causal transformer; `tied` shares input and output embeddings."""

    def __init__(
        self, vocabulary: int = 30, width: int = 16, *, causal: bool = True, tied: bool = True
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.place = nn.Embedding(64, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True, norm_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.causal = causal
        if tied:
            self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(steps) if self.causal else None
        h = self.embed(x) + self.place(torch.arange(steps))
        return self.head(self.block(h, src_mask=mask, is_causal=self.causal))


def flat_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def plain() -> Case:
    net = perceptron()
    return {"model": net, "data": vectors(), "optimizer": torch.optim.Adam(net.parameters())}


def gan_generator() -> Case:
    generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 20), nn.Tanh())
    critic = nn.Sequential(nn.Linear(20, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def fool(fake: Tensor, _: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(critic(fake), torch.ones(len(fake), 1))

    noise = TensorDataset(torch.randn(128, 8), torch.zeros(128))
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return {"model": generator, "data": DataLoader(noise, 32), "loss": fool, "optimizer": optimizer}


def averaged_copy() -> Case:
    net = perceptron()
    AveragedModel(net)
    net.teacher = [copy.deepcopy(net).requires_grad_(False)]
    return {"model": net, "data": vectors(), "optimizer": torch.optim.SGD(net.parameters(), lr=0.1)}


class Dropping(nn.Module):
    """Monte Carlo dropout by a layer that stays on when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.drop, self.two = nn.Linear(20, 32), nn.Dropout(0.5), nn.Linear(32, 3)

    def sample(self) -> None:
        self.eval()
        self.drop.train()

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.drop(self.one(x).relu()))


def monte_carlo_dropout() -> Case:
    net = Dropping()
    return {"model": net, "data": vectors(), "optimizer": torch.optim.Adam(net.parameters())}


class VariationalAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(20, 16)
        self.mean, self.spread, self.decode = nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(4, 16)
        self.out = nn.Linear(16, 20)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encode(x).relu()
        mean, spread = self.mean(h), self.spread(h)
        z = mean + torch.randn_like(mean) * (spread / 2).exp()
        return torch.sigmoid(self.out(self.decode(z).relu())), mean, spread


def evidence_bound(output: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    picture, mean, spread = output
    divergence = -0.5 * (1 + spread - mean**2 - spread.exp()).sum()
    return F.binary_cross_entropy(picture, x, reduction="sum") + divergence


def variational_autoencoder() -> Case:
    x = torch.rand(128, 20)
    net = VariationalAutoencoder()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    data = DataLoader(TensorDataset(x, x), batch_size=32, shuffle=True)
    return {"model": net, "data": data, "loss": evidence_bound, "optimizer": optimizer}


class Residual(nn.Module):
    """A block with stochastic depth, LayerScale 1e-5 or a zero-initialised branch."""

    def __init__(
        self, *, depth: float = 0.0, scale: float | None = None, zero: bool = False
    ) -> None:
        super().__init__()
        self.norm, self.one, self.two = nn.LayerNorm(32), nn.Linear(32, 64), nn.Linear(64, 32)
        self.depth = depth
        self.scale = nn.Parameter(torch.full((32,), scale)) if scale else None
        if zero:
            nn.init.zeros_(self.two.weight)
            nn.init.zeros_(self.two.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.depth and float(torch.rand(())) < self.depth:
            return x
        h = self.two(F.gelu(self.one(self.norm(x))))
        return x + (h if self.scale is None else h * self.scale)


def residual(**options: Any) -> Case:
    net = nn.Sequential(
        nn.Linear(20, 32), Residual(**options), Residual(**options), nn.Linear(32, 3)
    )
    return {
        "model": net,
        "data": vectors(),
        "optimizer": torch.optim.AdamW(net.parameters(), lr=1e-3),
    }


def warm_up_from_zero() -> Case:
    net = perceptron()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 100))
    return {"model": net, "data": vectors(), "optimizer": optimizer, "schedule": schedule}


def language_model() -> Case:
    rows = tokens()
    net = LanguageModel()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4)
    data = DataLoader(TensorDataset(rows[:, :-1], rows[:, 1:]), 16, shuffle=True)
    return {"model": net, "data": data, "loss": flat_cross_entropy, "optimizer": optimizer}


def masked_language_model() -> Case:
    rows = tokens(vocabulary=29)
    masked = torch.rand(rows.shape) < 0.3
    data = TensorDataset(rows.masked_fill(masked, 29), rows.masked_fill(~masked, -100))
    net = LanguageModel(causal=False)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4)
    return {"model": net, "data": data, "loss": flat_cross_entropy, "optimizer": optimizer}


def normed_weights(kind: str) -> Case:
    net = perceptron()
    if kind == "weight_norm":
        nn.utils.parametrizations.weight_norm(net[0])
    elif kind == "spectral_norm":
        nn.utils.parametrizations.spectral_norm(net[0])
    else:
        nn.utils.parametrizations.orthogonal(net[2])
    return {"model": net, "data": vectors(), "optimizer": torch.optim.SGD(net.parameters(), lr=0.1)}


def label_smoothing() -> Case:
    net = perceptron()
    loss = nn.CrossEntropyLoss(label_smoothing=0.1, weight=torch.tensor([1.0, 2.0, 0.5]))
    return {
        "model": net,
        "data": vectors(),
        "loss": loss,
        "optimizer": torch.optim.Adam(net.parameters()),
    }


def small_unet() -> nn.Module:
    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
            self.deep = nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU())
            self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
            self.out = nn.Sequential(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))

        def forward(self, x: Tensor) -> Tensor:
            high = self.down(x)
            return self.out(torch.cat([high, self.up(self.deep(high))], 1))

    return UNet()


def segmentation() -> Case:
    images = pictures().tensors[0]
    masks = (images.mean(1) > 0.5).long() + 2 * (images[:, 0] > 1).long()
    masks[:, :2] = 255
    net = small_unet()
    loss = nn.CrossEntropyLoss(ignore_index=255)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return {
        "model": net,
        "data": TensorDataset(images, masks),
        "loss": loss,
        "optimizer": optimizer,
    }


def autoencoder() -> Case:
    x = torch.randn(128, 20)
    net = nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 20))
    return {
        "model": net,
        "data": DataLoader(TensorDataset(x, x), 32, shuffle=True),
        "loss": nn.MSELoss(),
        "optimizer": torch.optim.Adam(net.parameters()),
    }


class ListedParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            [nn.Parameter(torch.randn(20, 16) * 0.1), nn.Parameter(torch.randn(16, 3) * 0.1)]
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.weights[0]).relu() @ self.weights[1]


def parameter_list() -> Case:
    net = ListedParameters()
    return {"model": net, "data": vectors(), "optimizer": torch.optim.Adam(net.parameters())}


def closure_optimizer() -> Case:
    net = perceptron()
    return {
        "model": net,
        "data": vectors(),
        "optimizer": torch.optim.LBFGS(net.parameters(), lr=0.5),
    }


def discriminative_rates() -> Case:
    net = perceptron()
    groups = [
        {"params": net[0].parameters(), "lr": 1e-5},
        {"params": net[2].parameters(), "lr": 1e-2},
    ]
    return {"model": net, "data": vectors(), "optimizer": torch.optim.SGD(groups, lr=1e-2)}


def gradual_unfreezing() -> Case:
    net = perceptron()
    with torch.no_grad():
        net[0].weight.mul_(3)
    net[0].requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])
    return {"model": net, "data": vectors(), "optimizer": optimizer}


def imbalance() -> Case:
    data = vectors(400)
    labels = (torch.rand(400) < 0.05).long()
    net = perceptron(classes=2)
    return {
        "model": net,
        "data": TensorDataset(data.tensors[0], labels),
        "optimizer": torch.optim.Adam(net.parameters()),
    }


def time_series() -> Case:
    wave = torch.sin(torch.arange(300) / 7.0)
    x = torch.stack([wave[i : i + 16] for i in range(200)])[:, :, None]
    y = wave[16:216, None]

    class Forecast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.out = nn.LSTM(1, 16, batch_first=True), nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.lstm(x)[0][:, -1])

    net = Forecast()
    data = DataLoader(TensorDataset(x, y), batch_size=25)
    return {
        "model": net,
        "data": data,
        "loss": nn.MSELoss(),
        "optimizer": torch.optim.Adam(net.parameters()),
    }


CASES: dict[str, Callable[[], Case]] = {
    "plain": plain,
    "gan": gan_generator,
    "ema and hidden teacher": averaged_copy,
    "monte carlo dropout": monte_carlo_dropout,
    "vae": variational_autoencoder,
    "stochastic depth": lambda: residual(depth=0.5),
    "layer scale": lambda: residual(scale=1e-5),
    "zero-init residual": lambda: residual(zero=True),
    "warm-up from 0": warm_up_from_zero,
    "tied language model": language_model,
    "masked language model": masked_language_model,
    "weight norm": lambda: normed_weights("weight_norm"),
    "spectral norm": lambda: normed_weights("spectral_norm"),
    "orthogonal parametrization": lambda: normed_weights("orthogonal"),
    "label smoothing and class weights": label_smoothing,
    "segmentation with ignore_index": segmentation,
    "autoencoder": autoencoder,
    "parameter list": parameter_list,
    "lbfgs": closure_optimizer,
    "discriminative rates": discriminative_rates,
    "gradual unfreezing": gradual_unfreezing,
    "95/5 imbalance": imbalance,
    "time series": time_series,
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_healthy_training_is_silent(name: str, seed: int) -> None:
    """A healthy set-up gives no error, no warning, and no check that could not run."""
    torch.manual_seed(seed)
    case = CASES[name]()
    report = check(**case)
    alarms = [str(f) for f in report if f.level != "info"]
    assert not alarms
    assert not report.skipped
    assert report.steps >= 2
