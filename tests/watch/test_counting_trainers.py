"""Trainers that validate after as many batches as `len(loader)` said are shortened as a whole."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lamplighter.watch.script import check_script

# stands in for the package of that name: it validates at the batch that `len` announced
TRAINER = """
    import torch

    def fit(model, train, held_out, optimizer):
        for epoch in range(2):
            last = len(train)
            model.train()
            for number, (rows, labels) in enumerate(train, 1):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(rows), labels).backward()
                optimizer.step()
                if number == last:
                    with torch.no_grad():
                        for rows, labels in held_out:
                            model(rows)
                    break
"""
SCRIPT = """
    import torch
    from {package} import fit
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    rows = torch.randn(800, 6)
    data = TensorDataset(rows, (rows[:, 0] > 0).long())
    train = DataLoader(data, batch_size=4, shuffle=True)
    later = torch.randn(40, 6)
    held_out = DataLoader(TensorDataset(later, (later[:, 0] > 0).long()), batch_size=8)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    fit(model, train, held_out, torch.optim.SGD(model.parameters(), lr=0.1))
    print("whole length", len(train))
"""


@pytest.mark.parametrize(("package", "seen"), [("lightning", True), ("someones_loop", False)])
def test_a_trainer_that_counts_reaches_its_validation(
    package: str, seen: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """200 batches are cut to 10, and a validation that waits for the counted one is seen (R103)."""
    (tmp_path / f"{package}.py").write_text(textwrap.dedent(TRAINER))
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(SCRIPT.format(package=package)))
    report = check_script(str(script), steps=20)
    assert report.steps == 20
    assert [f.code for f in report.findings if f.level == "error"] == (["R103"] if seen else [])
    assert "whole length 200" in capfd.readouterr().out
