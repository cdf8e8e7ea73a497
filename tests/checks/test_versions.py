"""V102: versions of torch that are known to compute something wrong that the network uses."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import lamplighter as lamp
from lamplighter.checks import over_objects
from lamplighter.checks.versions import KNOWN_BAD, Surroundings, known_bad, surroundings


def _net(inputs: int = 40_000, outputs: int = 16) -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))


@pytest.mark.parametrize("torch_version", ["2.11.0", "2.13.1+cpu"])
def test_fault_that_the_network_meets_is_told(torch_version: str) -> None:
    """The message names version, fault and source; the fix the first version without it."""
    (finding,) = known_bad(_net(), Surroundings(torch_version, "mps", "Apple M1 Pro"))
    assert (finding.code, finding.level, finding.where) == ("V102", "warning", "1")
    assert finding.message == (
        f"with torch {torch_version} on M1 and M2 GPUs a product over 32,767 or more inputs can add "
        "what lies in memory behind them; no error is raised "
        "(https://github.com/pytorch/pytorch/issues/193487)"
    )
    assert finding.fix == (
        'python -m pip install --upgrade "torch>=2.14" torchvision, or train on another device'
    )


@pytest.mark.parametrize(
    ("net", "around"),
    [
        (_net(), Surroundings("2.14.0", "mps", "Apple M1 Pro")),
        (_net(), Surroundings("2.13.0", "mps", "Apple M4")),
        (_net(), Surroundings("2.13.0", "cpu")),
        (_net(), Surroundings("2.13.0", "cuda")),
        (_net(inputs=32_766), Surroundings("2.13.0", "mps", "Apple M2")),
        (_net(outputs=10), Surroundings("2.13.0", "mps", "Apple M2")),
    ],
    ids=["mended", "another chip", "CPU", "CUDA", "short", "narrow"],
)
def test_good_versions_and_other_uses_are_silent(net: nn.Module, around: Surroundings) -> None:
    """Another version, device or chip, and layers that do not meet the fault."""
    assert [*known_bad(net, around)] == []


def test_lamp_check_asks_what_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lamp.check` tells it on such a machine, and nothing on this one."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(40_000, 16))
    data = TensorDataset(torch.randn(8, 1, 200, 200), torch.arange(8))
    assert "V102" not in {f.code for f in lamp.check(net, data, level="fast").findings}
    monkeypatch.setattr(
        over_objects, "surroundings", lambda _: Surroundings("2.12.0", "mps", "Apple M2 Max")
    )
    assert "V102" in {f.code for f in lamp.check(net, data, level="fast").findings}


def test_table_is_in_order_and_has_sources() -> None:
    """Each row is about versions that Lamplighter runs with (2.11 and later), with its source."""
    for fault in KNOWN_BAD:
        assert fault.since < fault.mended > (2, 11)
        assert fault.source.startswith("https://github.com/pytorch/pytorch/issues/")
    here = surroundings(torch.device("cpu"))
    assert (here.torch, here.device, here.chip) == (str(torch.__version__), "cpu", "")
