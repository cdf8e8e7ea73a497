"""The artifact is loaded back: it has to answer as the network that was trained."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lamplighter as lamp
from lamplighter import finish, own_outcome
from lamplighter.artifact import Artifact, save_artifact
from lamplighter.data.batches import Batch
from lamplighter.errors import ArtifactError, UsageError
from lamplighter.listener import Listener
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.proof import frame_of, prove_alone, prove_with_instance


class Scaled(nn.Module):
    """Computes with a tensor that its state does not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.scale = torch.ones(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x) * self.scale


class Noisy(Scaled):
    """Draws numbers that no seed of torch fixes."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Noisy.calls += 1
        return super().forward(x) * Noisy.calls


class Undefined(Scaled):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float("nan")


class Dropping(Scaled):
    """Drops in evaluation mode as well."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(x))


class OneBatch:
    def __init__(self, inputs: Tensor | None) -> None:
        self.inputs = inputs

    def epoch(self, number: int, skip: int = 0) -> Any:
        return iter(() if self.inputs is None else (Batch(self.inputs, None, len(self.inputs)),))


def parts_of(module: nn.Module, inputs: Tensor | None) -> Any:
    batches = OneBatch(inputs)
    return SimpleNamespace(module=module, train=batches, val=None, device=torch.device("cpu"))


def saved(tmp_path: Path, module: nn.Module) -> Path:
    name = f"{__name__}:{type(module).__name__}"
    path = tmp_path / "model.safetensors"
    network = Architecture("own", name, 3, 3, {"called_with": "nothing"})
    save_artifact(path, Artifact(network, "own", (), None), module)
    return path


@pytest.mark.parametrize("kind", [Scaled, Noisy, Undefined, Dropping])
@pytest.mark.parametrize("inputs", [torch.randn(5, 4), torch.randn(5, 7), None])
def test_healthy_network_is_left_alone(
    tmp_path: Path, kind: type[nn.Module], inputs: Tensor | None
) -> None:
    """Also one that draws at random, that gives NaN, that cannot take the batch; and none is changed."""
    module = kind().train()
    module.head.eval()
    path, before = saved(tmp_path, module), torch.get_rng_state()
    prove_alone(path, parts_of(module, inputs))
    prove_with_instance(path, parts_of(module, inputs))
    assert torch.equal(before, torch.get_rng_state())
    assert module.training
    assert not module.head.training


def test_tensor_outside_the_state_is_told(tmp_path: Path) -> None:
    """Another machine would build the network without it."""
    module = Scaled()
    module.scale = torch.tensor([1.0, 2.0, 3.0])
    path = saved(tmp_path, module)
    with pytest.raises(ArtifactError, match="does not answer as the one that was trained") as told:
        prove_alone(path, parts_of(module, torch.randn(5, 4)))
    assert "register_buffer" in told.value.fix
    assert str(path) in told.value.where
    prove_with_instance(path, parts_of(module, torch.randn(5, 4)))  # a copy has it


class Counting(Scaled):
    """Answers by a number that each pass in training mode moves, and that its state does not hold."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.register_buffer("passes", torch.zeros(1), persistent=kept)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.passes += 1
        return super().forward(x) * (1 + self.passes)


def fitted(module: nn.Module, out: Path, **settings: Any) -> Path:
    rows, kinds = torch.randn(30, 4), torch.arange(30) % 3
    data = torch.utils.data.TensorDataset(rows, kinds)
    named = {"epochs": 1, "checks": "off", "tensorboard": False, "listener": Heard(), **settings}
    return lamp.fit(module, data, data, out=str(out), name="one", **named).path


class Heard(Listener):
    """Keeps what was warned of."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.said.append(text)


class Trains(Scaled):
    """Its optimizer moves a tensor that is a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.ones(3, requires_grad=True)


def test_what_a_training_changes_outside_the_state_is_told(tmp_path: Path) -> None:
    """`lamp.fit` too: whoever loads the file has the network as it was made, and its state."""
    with pytest.raises(ArtifactError, match="does not answer as the one that was trained") as told:
        fitted(Counting(kept=False), tmp_path / "a")
    assert told.value.fix.startswith("keep every number that forward() computes with and training")
    module = Trains()
    optimizer = torch.optim.SGD([*module.parameters(), module.scale], lr=1.0)
    with pytest.raises(ArtifactError, match="does not answer as the one that was trained"):
        fitted(module, tmp_path / "b", optimizer=optimizer)
    fitted(Counting(kept=True), tmp_path / "c")
    fitted(Scaled(), tmp_path / "d")


def test_a_frame_costs_no_memory_and_changes_nothing() -> None:
    """The state stays the module's own; what lies beside it is a copy. Some modules have no frame."""
    module = Scaled()
    frame = frame_of(module)
    assert isinstance(frame, Scaled)
    assert frame.head.weight is module.head.weight
    assert frame.scale is not module.scale
    assert frame_of(nn.LazyLinear(3)) is None
    module.scale = module.head.weight.sum()  # made by operations: torch refuses to copy it
    assert frame_of(module) is None


def test_other_weights_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path, Scaled())
    with pytest.raises(ArtifactError, match="differ by"):
        prove_with_instance(path, parts_of(Scaled(), torch.randn(5, 4)))


def test_each_training_proves_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with other weights ends the work with an error, after the rest was written."""

    def save_another(path: Path, artifact: Artifact, module: nn.Module) -> None:
        save_artifact(path, artifact, nn.Linear(4, 3))

    monkeypatch.setattr(own_outcome, "save_artifact", save_another)
    rows, kinds = torch.randn(30, 4), torch.arange(30) % 3
    with pytest.raises(ArtifactError, match="does not answer"):
        lamp.fit(
            nn.Linear(4, 3), torch.utils.data.TensorDataset(rows, kinds), epochs=1, checks="off",
            out=str(tmp_path), name="one", tensorboard=False, listener=(heard := Heard()),
        )  # fmt: skip
    assert (tmp_path / "one" / "model.safetensors").exists()
    status = json.loads((tmp_path / "one" / "status.json").read_text())
    assert (status["state"], status["epoch"]) == ("failed", 1)
    assert heard.said == [
        "the training is over and its report is made, but model.safetensors is not to be trusted: it "
        "does not hold all of what was trained"
    ]


@pytest.mark.parametrize("data", ["", "mine:data"])
def test_a_fault_after_the_training_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    """The run does not stay "running", and it is said that the report is missing, and how to make it."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(own_outcome, "write_report", fail)
    rows, kinds = torch.randn(30, 4), torch.arange(30) % 3
    both = torch.utils.data.TensorDataset(rows, kinds)
    heard, out = Heard(), str(tmp_path)
    with pytest.raises(OSError, match="no space"):
        lamp.fit(
            nn.Linear(4, 3), both, both, epochs=1, checks="off", out=out, name="one", data=data,
            tensorboard=False, listener=heard,
        )  # fmt: skip
    status = json.loads((tmp_path / "one" / "status.json").read_text())
    assert (status["state"], status["reason"]) == ("failed", "OSError: no space")
    again = f"lamp train --resume {tmp_path / 'one'}" if data else (
        f'the same lamp.fit(…) again, with resume="{tmp_path / "one"}"'
    )  # fmt: skip
    assert heard.said == [
        f"the training is over and kept, the report is not; it is made by: {again}"
    ]
    if not data:
        with pytest.raises(UsageError, match="trained from Python on objects") as told:
            lamp.train(resume=tmp_path / "one")
        assert told.value.fix == again
        monkeypatch.undo()
        run = lamp.fit(
            nn.Linear(4, 3), both, both, epochs=1, checks="off", out=out, resume=tmp_path / "one",
            tensorboard=False, listener=heard,
        )  # fmt: skip
        assert run.report.exists()


def test_findings_of_the_running_training_are_kept(tmp_path: Path) -> None:
    """findings.json holds what was seen while it trained, also where the objects are the user's own."""
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        module[0].bias.fill_(-100)
    rows, kinds = torch.randn(200, 4), torch.arange(200) % 3
    train, val = (
        torch.utils.data.TensorDataset(rows[part], kinds[part])
        for part in (slice(150), slice(150, 200))
    )
    run = lamp.fit(
        module, train, val, epochs=1, checks="fast", out=str(tmp_path), tensorboard=False,
        listener=Heard(),
    )  # fmt: skip
    kept = json.loads((run.path / "findings.json").read_text())
    assert [f["code"] for f in kept] == [f.code for f in run.findings]
    assert "M108" in {f["code"] for f in kept}


def test_each_training_on_pictures_proves_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for networks that are built by their names; the report is there all the same."""

    def save_another(path: Path, artifact: Artifact, module: nn.Module) -> None:
        save_artifact(path, artifact, rebuild(artifact.architecture))

    monkeypatch.setattr(finish, "save_artifact", save_another)
    settings = {"model": "tutorial_cnn", "size": 8, "batch": 64, "epochs": 1, "checks": "off"}
    heard = Heard()
    with pytest.raises(ArtifactError, match="does not answer"):
        lamp.train(
            "digits", out=str(tmp_path), name="a", tensorboard=False, listener=heard, **settings
        )
    assert (tmp_path / "a" / "report.html").exists()
    assert "its report is made" in heard.said[-1]
    assert "does not answer" in (tmp_path / "a" / "status.json").read_text()
