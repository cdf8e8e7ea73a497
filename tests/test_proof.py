"""The artifact is loaded back: it has to answer as the network that was trained."""

from __future__ import annotations

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
from lamplighter.errors import ArtifactError
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.proof import prove_alone, prove_with_instance


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
            out=str(tmp_path), name="one", tensorboard=False,
        )  # fmt: skip
    assert (tmp_path / "one" / "model.safetensors").exists()


def test_each_training_on_pictures_proves_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for networks that are built by their names; the report is there all the same."""

    def save_another(path: Path, artifact: Artifact, module: nn.Module) -> None:
        save_artifact(path, artifact, rebuild(artifact.architecture))

    monkeypatch.setattr(finish, "save_artifact", save_another)
    settings = {"model": "tutorial_cnn", "size": 8, "batch": 64, "epochs": 1, "checks": "off"}
    with pytest.raises(ArtifactError, match="does not answer"):
        lamp.train("digits", out=str(tmp_path), name="a", tensorboard=False, **settings)
    assert (tmp_path / "a" / "report.html").exists()
    assert "does not answer" in (tmp_path / "a" / "status.json").read_text()
