"""Evaluation over several processes: whether what each of them counted comes together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributed import all_reduce  # bound before anything is watched
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import lamplighter as lamp
from lamplighter.watch.script import check_script

SCRIPT = Path(__file__).parent / "scripts" / "processes" / "evaluated_in_shares.py"


def evaluated(tmp_path: Path, *, exchange: bool, told: bool = True) -> list[lamp.Finding]:
    """The findings of one process of two that evaluates its half of 40 samples."""
    store = f"file://{tmp_path / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    held = TensorDataset(torch.randn(40, 4), torch.randint(0, 2, (40,)))
    try:
        with lamp.watch() as watch:
            sampler = DistributedSampler(held, num_replicas=2, rank=0, shuffle=False)
            counts = torch.zeros(1)
            model = nn.Linear(4, 2).eval()
            with torch.no_grad():
                for x, y in DataLoader(held, batch_size=10, sampler=sampler):
                    counts += (model(x).argmax(1) == y).sum()
            if exchange:
                all_reduce(counts)
            if told:
                print(f"accuracy {float(counts) / 20}")
        return [f for f in watch.findings if f.code == "G104"]
    finally:
        torch.distributed.destroy_process_group()


def test_a_figure_of_one_share_is_named(tmp_path: Path) -> None:
    """The message says how much of the data the figure is of."""
    (finding,) = evaluated(tmp_path, exchange=False)
    assert finding.level == "error"
    assert finding.message.startswith("each of the 2 processes evaluates 20 of 40 samples")
    assert "all_reduce" in finding.fix
    assert finding.file == __file__


def test_counts_that_come_together_are_silent(tmp_path: Path) -> None:
    """Also where the program has imported the exchange by its name."""
    assert evaluated(tmp_path, exchange=True) == []


def test_a_share_of_which_nothing_is_told_is_silent(tmp_path: Path) -> None:
    """Answers may be written to files and put together later."""
    assert evaluated(tmp_path, exchange=False, told=False) == []


@pytest.mark.slow
@pytest.mark.parametrize(("exchange", "codes"), [("alone", {"G104"}), ("together", set())])
def test_two_processes(tmp_path: Path, exchange: str, codes: set[str]) -> None:
    """A whole program with DDP, as it is started by hand."""
    report = check_script(str(SCRIPT), [str(tmp_path / "store"), exchange])
    assert {f.code for f in report.findings} == codes
    assert report.notes == []
