"""`lamp.watch` as a context manager over the user's own loop."""

from __future__ import annotations

import copy
import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lamplighter as lamp
from lamplighter.checks.finding import Finding
from lamplighter.errors import UsageError
from lamplighter.listener import Listener
from lamplighter.watch import watch


def _loop(
    model: nn.Module, optimizer: torch.optim.Optimizer, *, clear: bool, steps: int = 6
) -> None:
    x = torch.randn(8, 4)
    for _ in range(steps):
        if clear:
            optimizer.zero_grad()
        F.cross_entropy(model(x), torch.tensor([0, 1] * 4)).backward()
        optimizer.step()


def _pair() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


class Heard(Listener):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def finding(self, finding: Finding) -> None:
        self.findings.append(finding)


def test_public_name_watches() -> None:
    """`lamp.watch(net, optimizer)` finds a missing zero_grad() with this file and a line of it."""
    model, optimizer = _pair()
    heard = Heard()
    with lamp.watch(model, optimizer, listener=heard) as watching:
        _loop(model, optimizer, clear=False)
    assert [f.code for f in watching.findings] == ["R101"]
    assert watching.findings[0].file == __file__
    assert watching.findings == heard.findings
    assert watching.steps == 6


def test_allowed_code_keeps_its_reason() -> None:
    """What is allowed is still recorded, with the reason, and does not stop."""
    model, optimizer = _pair()
    with watch(model, optimizer).allow("R101", reason="a study of it") as watching:
        _loop(model, optimizer, clear=False)
    assert [f.allowed for f in watching.findings] == ["a study of it"]


def test_nonsense_code_is_refused() -> None:
    """`allow` names what it expected."""
    with pytest.raises(UsageError, match="there is no finding code called 'eval'"):
        watch().allow("eval")


def test_a_code_that_no_check_has_is_refused() -> None:
    """A slip of the pen would allow nothing and say nothing: it is told before the loop begins."""
    with pytest.raises(
        UsageError, match=r"no finding code called 'R1O1'\. Did you mean R1"
    ) as caught:
        watch(allow=["R1O1"])
    assert caught.value.fix == "lamp explain R lists the codes of a family"


@pytest.mark.parametrize("allow", ["R101", "o104, r101", ["R101"], {"R101": "a study of it"}])
def test_codes_are_allowed_in_any_form(allow: object) -> None:
    """One code, several with commas, a list or reasons: all mean the same."""
    model, optimizer = _pair()
    with watch(model, optimizer, allow=allow) as watching:  # type: ignore[arg-type]
        _loop(model, optimizer, clear=False)
    assert [(f.code, bool(f.allowed)) for f in watching.findings] == [("R101", True)]


def test_declared_frozen_part_that_moves_is_told() -> None:
    """M111: a part declared frozen that the optimizer moves."""
    model, optimizer = _pair()
    with watch(model, optimizer, frozen=["0"]) as watching:
        _loop(model, optimizer, clear=True)
    assert {f.code for f in watching.findings} == {"M111"}
    assert {f.where for f in watching.findings} == {"0.weight", "0.bias"}


def test_long_clean_loop_stays_silent() -> None:
    """Where the loop is followed lightly and closely by turns, nothing is invented."""
    model, optimizer = _pair()
    with watch(model, optimizer) as watching:
        for epoch in range(4):
            model.train()
            _loop(model, optimizer, clear=True, steps=130 + epoch)
            model.eval()
            with torch.no_grad():
                model(torch.randn(8, 4))
    assert watching.findings == []
    assert watching.faults == []


def test_mistake_that_begins_late_is_found() -> None:
    """A zero_grad() that is lost in a later epoch is found, though the loop was known by then."""
    model, optimizer = _pair()
    with watch(model, optimizer) as watching:
        _loop(model, optimizer, clear=True, steps=300)
        model.train()
        _loop(model, optimizer, clear=False, steps=20)
    assert [f.code for f in watching.findings] == ["R101"]


def test_nothing_of_the_user_is_kept_alive() -> None:
    """After the loop the network can be freed while the watch still exists."""
    with watch() as watching:
        model, optimizer = _pair()
        _loop(model, optimizer, clear=True, steps=20)
        gone = weakref.ref(model)
        del model, optimizer
        gc.collect()
        assert gone() is None
    assert watching.findings == []


def test_watcher_that_fails_harms_nobody() -> None:
    """A fault inside a watcher is recorded, and training and the other watchers go on."""
    model, optimizer = _pair()
    watching = watch(model, optimizer)

    def fail(*_: Any) -> None:
        raise ValueError("broken")

    watching.stream.full["backward_starts"].insert(0, fail)
    with watching:
        _loop(model, optimizer, clear=False)
    assert [f.code for f in watching.findings] == ["R101"]
    assert len(watching.faults) == 1
    assert "ValueError: broken" in watching.faults[0]


def test_finding_says_at_which_step_it_was_made() -> None:
    """0 stands for before the first step, and the JSON form carries it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as watching:
        _loop(model, optimizer, clear=False)
    steps = {f.code: f.as_json()["step"] for f in watching.findings}
    assert steps["M109"] == 0
    assert steps["R101"] > 0


def _evaluated(declared: bool) -> list[str]:
    """Codes found where the average's accuracy is reported, and the live network answers too."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs = torch.randn(64, 4)
    data = DataLoader(TensorDataset(inputs, (inputs[:, 0] > 0).long()), batch_size=8)
    with watch(model, optimizer, evaluated_model=average if declared else None) as watching:
        for _ in range(2):
            _loop(model, optimizer, clear=True)
            with torch.no_grad():
                for x, _ in data:
                    average(x)
                    model(x)
    assert watching.faults == []
    return [f.code for f in watching.findings]


def test_only_the_declared_model_is_taken_as_evaluated() -> None:
    """R103 is about the network whose answers are scored, once it is said which one that is."""
    assert "R103" in _evaluated(declared=False)
    assert "R103" not in _evaluated(declared=True)
