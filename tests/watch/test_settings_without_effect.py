"""X101: a setting is chosen, kept or printed, and nothing is computed with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

HEAD = """
import argparse

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(200, 8)
y = x[:, :1] * x[:, 1:2]
"""
RATE = """
{settings}
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))


def train({argument}):
    {before}
    optimizer = torch.optim.{optimizer}
    {after}
    for part in torch.randperm(200).split(20):
        loss = F.mse_loss(net(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    {shown}


train()
"""
NAME = "sla" + "ck"  # in parts: this file is read for its uses as well
ADAM = "Adam(net.parameters())"
PARSED = """
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
args = parser.parse_args([])
"""
NET = """
class Net(nn.Module):
    def __init__(self, width=16, {name}=0.1, slope=0.01):
        super().__init__()
        self.width = width
        self.{name} = {name}
        self.slope = slope
        self.layers = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.layers(x)

    def loss(self, x, y):
        penalty = sum(p.pow(2).sum() for p in self.parameters())
        return F.mse_loss(self(x), y) + {used} * penalty


def train(net):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for part in torch.randperm(200).split(20):
        optimizer.zero_grad()
        net.loss(x[part], y[part]).backward()
        optimizer.step()
    print(net.loss(x, y).item())

"""


def told(watching: Watch) -> list[str]:
    return [f.where for f in watching.findings if f.code == "X101"]


@pytest.mark.parametrize(
    ("settings", "argument", "before", "optimizer", "shown", "expected"),
    [
        ("", "lr=0.02", "pass", ADAM, "print(f'{lr} done')", "`lr`"),
        ("LEARNING_RATE = 5e-3", "", "pass", "AdamW(net.parameters())", "pass", "`LEARNING_RATE`"),
        (PARSED, "", "pass", ADAM, "pass", "`args.lr`"),
        (PARSED, "", "lr = args.lr", ADAM, "print('rate', lr)", "`lr`"),
        (
            "lr = 0.03",
            "",
            "pass",
            "RMSprop(net.parameters(), momentum=0.5)",
            "print(lr)",
            "`lr`",
        ),
    ],
)
def test_a_rate_that_no_optimizer_gets(
    run: Callable[[str], Watch],
    settings: str,
    argument: str,
    before: str,
    optimizer: str,
    shown: str,
    expected: str,
) -> None:
    """An argument, a constant or an option that is only printed, and an optimizer at its default."""
    program = RATE.format(
        settings=settings,
        argument=argument,
        before=before,
        optimizer=optimizer,
        after="pass",
        shown=shown,
    )
    assert told(run(program)) == [expected]


@pytest.mark.parametrize(
    ("settings", "argument", "before", "optimizer", "after"),
    [
        ("", "lr=0.02", "pass", "Adam(net.parameters(), lr=lr)", "pass"),
        ("", "lr=0.02", "pass", "Adam(net.parameters(), lr)", "pass"),
        ("", "", "pass", ADAM, "pass"),
        # the default by another way
        ("", "lr=1e-3", "pass", ADAM, "pass"),
        ("", "lr=0.02", "pass", ADAM, "optimizer.param_groups[0]['lr'] = lr"),
        (
            "",
            "lr=0.02",
            "pass",
            ADAM,
            "torch.optim.lr_scheduler.CyclicLR(optimizer, lr, 0.1, cycle_momentum=False)",
        ),
        (PARSED, "", "more = vars(args)", "Adam(net.parameters(), **more)", "pass"),
        (PARSED, "", "pass", "Adam([{'params': net.parameters(), 'lr': args.lr}])", "pass"),
    ],
)
def test_a_rate_that_is_used_or_left_alone(
    run: Callable[[str], Watch],
    settings: str,
    argument: str,
    before: str,
    optimizer: str,
    after: str,
) -> None:
    """It reaches the optimizer somehow, or none was chosen."""
    program = RATE.format(
        settings=settings,
        argument=argument,
        before=before,
        optimizer=optimizer,
        after=after,
        shown="pass",
    )
    assert told(run(program)) == []


@pytest.mark.parametrize(
    ("used", "made", "expected"),
    [
        ("0.001", "for decay in (0.1, 0.01): train(Net(_=decay))", 1),
        ("0.001", "train(Net(_=0.5))", 1),
        ("self._", "for decay in (0.1, 0.01): train(Net(_=decay))", 0),
        # nobody has chosen it
        ("0.001", "train(Net())", 0),
        # a number of units that the layers were made with
        ("self._", "for width in (8, 16): train(Net(width=width))", 0),
        ("getattr(self, '_')", "train(Net(_=0.5))", 0),
    ],
)
def test_a_setting_that_a_network_only_keeps(
    run: Callable[[str], Watch], used: str, made: str, expected: int
) -> None:
    """What was chosen at the call, and lies in the network unread."""
    assert (
        told(
            run(
                NET.format(name=NAME, used=used.replace("_", NAME)) + made.replace("_", NAME) + "\n"
            )
        )
        == [f"`{NAME}`"] * expected
    )


ELSEWHERE = {
    "begun/program.py": """
import torch
from torch import nn
from torch.nn import functional as F

import nets_of_{mark}.wide as wide
import tools_of_{mark} as tools

torch.manual_seed(0)
x = torch.randn(200, 8)
y = x[:, :1] * x[:, 1:2]
args = tools.parsed()
for number in (0.5, 0.25):
    net = wide.Net({name}=number)
    optimizer = torch.optim.Adam(net.parameters())
    tools.set_rate(optimizer, args)
    for part in torch.randperm(200).split(20):
        loss = F.mse_loss(net(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tools.tell(net)
""",
    "nets_of_{mark}/wide.py": """
from torch import nn


class Net(nn.Module):
    def __init__(self, {name}=0.1):
        super().__init__()
        self.{name} = {name}
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x)
""",
    "tools_of_{mark}.py": """
import argparse


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    return parser.parse_args([])


def set_rate(optimizer, args):
    for group in optimizer.param_groups:
        group["lr"] = {rate}


def tell(net):
    print({shown})
""",
}


@pytest.mark.parametrize("used", [True, False])
def test_settings_are_read_in_another_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    observe: Callable[[Path], Watch],
    *,
    used: bool,
) -> None:
    """The network and what reads its setting lie in other folders than what is run."""
    mark = "use" if used else "vain"
    shown, rate = (f"net.{NAME}", "args.lr") if used else ("net.layers", "0.01")
    for name, text in ELSEWHERE.items():
        path = tmp_path / name.format(mark=mark)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(mark=mark, name=NAME, shown=shown, rate=rate))
    monkeypatch.syspath_prepend(tmp_path)
    watching = observe(tmp_path / "begun" / "program.py")
    assert watching.faults == []
    assert set(told(watching)) == (set() if used else {f"`{NAME}`", "`args.lr`"})
