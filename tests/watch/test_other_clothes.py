"""Mistakes that a program makes by its own hand, where others leave it to torch: A103, L115, P101, R103."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import Watch, watch


def _found(watching: Watch, code: str) -> list[tuple[str, str]]:
    assert watching.faults == []
    return [(f.level, f.where) for f in watching.findings if f.code == code]


# weights in half precision, moved by hand


def by_minus(p: Tensor, step: Tensor) -> None:
    """As the course writes it."""
    with torch.no_grad():
        p -= 1e-4 * step


def by_data(p: Tensor, step: Tensor) -> None:
    """As it was written before."""
    p.data.add_(step, alpha=-1e-4)


@pytest.mark.parametrize("move", [by_minus, by_data])
@pytest.mark.parametrize("half", [True, False])
def test_steps_by_hand_reach_the_weights(
    move: Callable[[Tensor, Tensor], None], *, half: bool
) -> None:
    """P101: a step below the resolution of the weight is lost, whoever takes it."""
    torch.manual_seed(0)
    kind = torch.bfloat16 if half else torch.float32
    net = nn.Linear(12, 8).to(kind)
    with watch() as watching:
        for _ in range(6):
            x = torch.randn(10, 12, dtype=kind)
            net.zero_grad()
            net(x).float().square().mean().backward()
            for p in net.parameters():
                assert p.grad is not None
                move(p, p.grad)
    assert _found(watching, "P101") == ([("error", "weight")] if half else [])


def test_long_steps_by_hand_are_right_in_half_precision() -> None:
    """P101 stays silent where the weights really move."""
    torch.manual_seed(0)
    net = nn.Linear(12, 8).to(torch.bfloat16)
    with watch() as watching:
        for _ in range(6):
            net.zero_grad()
            net(torch.randn(10, 12, dtype=torch.bfloat16)).float().square().mean().backward()
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.5 * p.grad.sign()  # type: ignore[union-attr]
    assert _found(watching, "P101") == []


# weights of classes out of a table


def indexed(table: Tensor, y: Tensor) -> Tensor:
    """`w[y]`."""
    return table[y]


def gathered(table: Tensor, y: Tensor) -> Tensor:
    """The same by another function."""
    return table.index_select(0, y)


@pytest.mark.parametrize("taken", [indexed, gathered])
@pytest.mark.parametrize("upside_down", [True, False])
def test_own_weights_of_classes_favour_the_rare_ones(
    taken: Callable[[Tensor, Tensor], Tensor], *, upside_down: bool
) -> None:
    """L115: where the loss of each sample is computed by hand too."""
    torch.manual_seed(0)
    y = torch.tensor([0] * 320 + [1] * 80)[torch.randperm(400)]
    x = torch.randn(400, 4) + y[:, None]
    counts = torch.bincount(y).float()
    table = counts / 200 if upside_down else 200 / counts
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    with watch() as watching:
        for rows in torch.arange(800).remainder(400).split(40):
            scores = net(x[rows])
            right = scores.logsumexp(1) - scores.gather(1, y[rows, None]).squeeze(1)
            optimizer.zero_grad()
            (taken(table, y[rows]) * right).mean().backward()
            optimizer.step()
    expected = [("error", "own weights")] if upside_down else []
    assert _found(watching, "L115") == expected


# two networks and one file


def encoder_alone(nets: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> Any:
    """The averages of both, the weights of one."""
    return {"model": nets["encoder"].state_dict(), "optimizer": optimizer.state_dict()}


def both(nets: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> Any:
    """All that training goes on from."""
    states = {name: net.state_dict() for name, net in nets.items()}
    return {**states, "optimizer": optimizer.state_dict()}


def encoder_for_others(nets: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> Any:
    """What is learned is the encoder; nobody goes on from this file."""
    return nets["encoder"].state_dict()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (encoder_alone, [("warning", "`decoder`")]),
        (both, []),
        (encoder_for_others, []),
    ],
)
def test_a_checkpoint_has_what_its_optimizer_moves(
    make: Callable[..., Any], expected: list[tuple[str, str]]
) -> None:
    """A103: an autoencoder of which one half is in the file."""
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(6, 3), nn.Linear(3, 6)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
    with watch() as watching:
        for _ in range(4):
            x = torch.randn(10, 6)
            optimizer.zero_grad()
            F.mse_loss(decoder(encoder(x).tanh()), x).backward()
            optimizer.step()
        torch.save(make({"encoder": encoder, "decoder": decoder}, optimizer), io.BytesIO())
    assert _found(watching, "A103") == expected


# an error that is computed by hand


@pytest.mark.parametrize("mode", [True, False])
def test_an_error_by_hand_is_taken_in_evaluation_mode(*, mode: bool) -> None:
    """R103: without a loader, a loss of torch or a class that is chosen."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = torch.randn(80, 6)
    x_held = torch.randn(40, 6)
    with watch() as watching:
        for _ in range(4):
            net.train()
            for rows in torch.arange(80).split(20):
                optimizer.zero_grad()
                F.mse_loss(net(x[rows]), x[rows, :1]).backward()
                optimizer.step()
            net.train(mode)
            with torch.no_grad():
                (net(x_held) - x_held[:, :1]).square().mean().sqrt().item()
    assert _found(watching, "R103") == ([("error", "`net`")] if mode else [])


def test_several_answers_to_the_same_samples_are_wanted() -> None:
    """R103 stays silent: the error of a mean over several passes with dropout."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = torch.randn(80, 6)
    x_held = torch.randn(40, 6)
    with watch() as watching:
        for rows in torch.arange(80).split(20):
            optimizer.zero_grad()
            F.mse_loss(net(x[rows]), x[rows, :1]).backward()
            optimizer.step()
        with torch.no_grad():
            for _ in range(5):
                (net(x_held) - x_held[:, :1]).square().mean().item()
    assert _found(watching, "R103") == []


# layers in a plain object


class Holder(nn.Module):
    """A trunk, and a head in whatever holds it."""

    def __init__(self, hold: Callable[..., Any]) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 12)
        self.heads = hold(kind=nn.Linear(12, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of two classes."""
        head = self.heads["kind"] if isinstance(self.heads, nn.ModuleDict) else self.heads.kind
        return head(self.trunk(x).relu())  # type: ignore[no-any-return]


@dataclass
class Heads:
    """One head."""

    kind: nn.Module


@pytest.mark.parametrize("hold", [SimpleNamespace, Heads])
def test_layers_in_an_object_are_not_registered(hold: Callable[..., Any]) -> None:
    """M101: a namespace or a dataclass is looked into by nobody but Python."""
    torch.manual_seed(0)

    def trained(net: nn.Module) -> Watch:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        with watch() as watching:
            for _ in range(6):
                x = torch.randn(16, 6)
                optimizer.zero_grad()
                F.cross_entropy(net(x), (x[:, 0] > 0).long()).backward()
                optimizer.step()
        return watching

    assert _found(trained(Holder(hold)), "M101") == [("error", "heads")]
    registered = Holder(lambda **layers: nn.ModuleDict(layers))
    assert _found(trained(registered), "M101") == []
