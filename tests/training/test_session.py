"""A training that is stopped, killed, diverges or runs out of memory ends as if nothing had happened, or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.data.batches import LoaderBatches
from lamplighter.data.loader import make_loader
from lamplighter.errors import DataError, RunFailed
from lamplighter.listener import Listener
from lamplighter.machine import seed_everything
from lamplighter.run_folder import RunFolder
from lamplighter.tasks.tally import ClassificationTally
from lamplighter.training import checkpoint
from lamplighter.training.journal import RunJournal
from lamplighter.training.loop import Stopped
from lamplighter.training.schedule import TorchSchedule
from lamplighter.training.session import Session, truncate_metrics
from lamplighter.training.validate import validate

TIMES = ("seconds", "train_seconds", "images_per_second", "data_wait")


class Heard(Listener):
    def __init__(self) -> None:
        self.warned: list[str] = []
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)


def journal(folder: RunFolder) -> RunJournal:
    return RunJournal(folder, tensorboard=False)


def run(folder: Path, parts: Any, *, resume: bool = False, **more: Any) -> Session:
    folder.mkdir(exist_ok=True)
    session = Session(RunFolder(folder), parts, **more)
    seed_everything(0)
    if resume:
        assert session.restore()
        truncate_metrics(session.folder, session.progress.epoch)
    session.run(journal(session.folder))
    return session


def rows(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in RunFolder(folder).metrics()]


def same(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class StopAt:
    """A stop flag that goes up at its n-th asking."""

    def __init__(self, number: int) -> None:
        self.number, self.asked = number, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.number


@pytest.mark.parametrize("at", [1, 3, 6, 7, 8, 9, 10, 14, 25])
def test_stopped_and_resumed(at: int, parts: Any, tmp_path: Path) -> None:
    """Stopped within training or validation and gone on with, weights and figures are the same bits."""
    whole = run(tmp_path / "whole", parts())
    with pytest.raises(Stopped):
        run(tmp_path / "cut", parts(), stop=StopAt(at))
    torch.manual_seed(99)
    rest = run(tmp_path / "cut", parts(), resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)
    assert rest.progress.best_epoch == whole.progress.best_epoch
    assert str(rest.best_state()) == str(whole.best_state())


@pytest.mark.parametrize("accumulate", [1, 4])
def test_stopped_again_and_again(accumulate: int, parts: Any, tmp_path: Path) -> None:
    """Stopped after every second step, with accumulation and a checkpoint at each, it ends the same."""
    whole = run(tmp_path / "whole", parts(accumulate=accumulate))
    more = {"accumulate": accumulate, "save_every": 1e-9}
    for attempt in range(60):
        try:
            rest = run(tmp_path / "cut", parts(**more), resume=attempt > 0, stop=StopAt(4))
            break
        except Stopped:
            continue
    assert attempt > 3
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)


class Drawn(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 21

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.rand(1, 8, 8), index % 3


@pytest.mark.parametrize("at", [2, 5, 9, 12])
def test_own_data_resumes(at: int, parts: Any, tmp_path: Path) -> None:
    """A data set that draws random numbers, and dropout beside it, go on to the same bits."""

    def own() -> LoaderBatches:
        loader, set_epoch = make_loader(Drawn(), batch=4, shuffle=True, seed=1, workers=0)
        return LoaderBatches(loader, torch.device("cpu"), None, set_epoch)

    whole = run(tmp_path / "whole", parts(train=own()))
    with pytest.raises(Stopped):
        run(tmp_path / "cut", parts(train=own()), stop=StopAt(at))
    rest = run(tmp_path / "cut", parts(train=own()), resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)


@pytest.mark.parametrize("at", [2, 8, 9, 13])
def test_own_loader_resumes(at: int, parts: Any, tmp_path: Path) -> None:
    """A DataLoader of the user's own goes on from its epoch's beginning, to the same bits."""

    def own() -> LoaderBatches:
        loader = torch.utils.data.DataLoader(Drawn(), batch_size=4, shuffle=True)
        return LoaderBatches(loader, torch.device("cpu"))

    whole = run(tmp_path / "whole", parts(train=own()))
    with pytest.raises(Stopped):
        run(tmp_path / "cut", parts(train=own()), stop=StopAt(at))
    rest = run(tmp_path / "cut", parts(train=own()), resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)


@pytest.mark.parametrize(
    "name", ["OneCycleLR", "CosineAnnealingLR", "ReduceLROnPlateau", "MultiStepLR"]
)
def test_own_schedule_resumes(name: str, parts: Any, tmp_path: Path) -> None:
    """A torch scheduler of the user's own goes on where it was."""
    arguments: dict[str, dict[str, Any]] = {
        "OneCycleLR": {"max_lr": 0.02, "total_steps": 18},
        "CosineAnnealingLR": {"T_max": 3},
        "ReduceLROnPlateau": {"patience": 0},
        "MultiStepLR": {"milestones": [1, 2]},
    }

    def made() -> Any:
        built = parts()
        kind = getattr(torch.optim.lr_scheduler, name)
        built.schedule = TorchSchedule(kind(built.optimizer, **arguments[name]))
        return built

    whole = run(tmp_path / "whole", made())
    with pytest.raises(Stopped):
        run(tmp_path / "cut", made(), stop=StopAt(12))
    rest = run(tmp_path / "cut", made(), resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)


def test_accumulation_is_one_large_batch(parts: Any, net: Any, tmp_path: Path) -> None:
    """Four batches added up, the last of another size, give the step of one large batch."""
    plain = {"augment": "none", "epochs": 2, "optimizer": torch.optim.SGD, "schedule": "constant"}
    large = run(tmp_path / "a", parts(module=net(dropout=0, norm=False), batch=16, **plain))
    small = run(
        tmp_path / "b", parts(module=net(dropout=0, norm=False), batch=4, accumulate=4, **plain)
    )
    assert small.progress.step == large.progress.step == 4
    for a, b in zip(large.parts.module.parameters(), small.parts.module.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


class Faulty(nn.Module):
    """Gives NaN at chosen calls in training."""

    def __init__(self, inner: nn.Module, at: set[int]) -> None:
        super().__init__()
        self.inner, self.at, self.calls = inner, at, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        outputs = self.inner(images)
        return outputs * float("nan") if self.training and self.calls in self.at else outputs


def test_one_bad_step(parts: Any, net: Any, tmp_path: Path) -> None:
    """After a loss that is not a number the training goes back once, slower, and ends sound."""
    heard = Heard()
    made = parts(module=Faulty(net(), {9}))
    session = run(tmp_path / "a", made, listener=heard, names=[f"p{i}.jpg" for i in range(22)])
    assert session.progress.epoch == 3
    assert session.progress.retries == 1
    assert made.schedule.rate == pytest.approx(0.3)
    assert [row["epoch"] for row in rows(tmp_path / "a")] == [1, 2, 3]
    assert all(torch.isfinite(v).all() for v in made.module.state_dict().values())
    assert "Going back to step 6" in heard.warned[0]
    told = json.loads((tmp_path / "a" / "diverged.json").read_text())
    assert told["step"] == 9
    assert len(told["examples"]) == 4
    assert all(name.endswith(".jpg") for name in told["examples"])


def test_diverging_for_good(parts: Any, net: Any, tmp_path: Path) -> None:
    """A training that never comes through goes back three times, then fails and names the examples."""
    heard = Heard()
    module = Faulty(net(), set(range(8, 999)))
    with pytest.raises(RunFailed, match="also after going back 3 times") as caught:
        run(tmp_path / "a", parts(module=module), listener=heard, names=[str(i) for i in range(22)])
    assert caught.value.exit_code == 5
    assert "diverged.json" in str(caught.value)
    assert "first:" in str(caught.value)
    assert len(heard.warned) == 3
    _, state = checkpoint.load_latest(tmp_path / "a" / "checkpoints") or (0, None)
    assert all(torch.isfinite(value).all() for value in state["module"].values())


@pytest.mark.parametrize("kind", ["LambdaLR", "OneCycleLR", "StepLR"])
def test_own_schedule_is_lowered(kind: str, parts: Any, net: Any, tmp_path: Path) -> None:
    """Going back lowers the rate of the user's own scheduler too, once for each time."""
    arguments: dict[str, dict[str, Any]] = {
        "LambdaLR": {"lr_lambda": lambda _: 1.0},
        "OneCycleLR": {"max_lr": 0.1, "total_steps": 18},
        "StepLR": {"step_size": 99},
    }

    def rate(bad: set[int]) -> float:
        made = parts(module=Faulty(net(), bad), lr=0.1)
        kind_ = getattr(torch.optim.lr_scheduler, kind)
        made.schedule = TorchSchedule(kind_(made.optimizer, **arguments[kind]))
        session = run(tmp_path / str(len(bad)), made)
        assert session.progress.retries == len(bad)
        return made.optimizer.param_groups[0]["lr"]

    assert rate({8, 14}) == pytest.approx(0.09 * rate(set()), rel=1e-6)


class Small(nn.Module):
    """Runs out of memory for batches over a size."""

    def __init__(
        self, inner: nn.Module, most: int, error: type[Exception] = torch.OutOfMemoryError
    ) -> None:
        super().__init__()
        self.inner, self.most, self.error, self.when = inner, most, error, "both"

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        at = self.when == "both" or self.when == ("train" if self.training else "val")
        if at and len(images) > self.most:
            raise self.error("CUDA out of memory. Tried to allocate 2 GiB")
        return self.inner(images)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_out_of_memory(
    most: int, error: type[Exception], parts: Any, net: Any, tmp_path: Path
) -> None:
    """When memory is short, steps and validation work on fewer examples at a time, with the same result."""
    plain = {"optimizer": torch.optim.SGD, "schedule": "constant", "batch": 8}
    whole = run(tmp_path / "a", parts(module=Small(net(dropout=0, norm=False), 99), **plain))
    heard = Heard()
    made = parts(module=Small(net(dropout=0, norm=False), most, error), **plain)
    run(tmp_path / "b", made, listener=heard)
    assert 1 <= made.micro <= most
    assert "out of memory: each step now works on" in heard.warned[0]
    for a, b in zip(whole.parts.module.parameters(), made.module.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    for left, right in zip(rows(tmp_path / "a"), rows(tmp_path / "b"), strict=True):
        assert right == pytest.approx(left, abs=1e-6)


def test_out_of_memory_in_validation_alone(parts: Any, net: Any, tmp_path: Path) -> None:
    """Too large a validation batch is cut where it stands; the training is not touched."""
    heard = Heard()
    module = Small(net(), 3)
    module.when = "val"
    made = parts(module=module)
    run(tmp_path / "a", made, listener=heard)
    assert made.micro == 0
    assert heard.warned == []
    run(tmp_path / "b", parts(module=Small(net(), 99)))
    assert rows(tmp_path / "a") == [pytest.approx(row, abs=1e-6) for row in rows(tmp_path / "b")]


def test_out_of_memory_with_one(parts: Any, net: Any, tmp_path: Path) -> None:
    """When not even one example fits, the run fails and says what could help."""
    with pytest.raises(RunFailed, match="with one example at a time") as caught:
        run(tmp_path / "a", parts(module=Small(net(), 0)))
    assert "--size" in caught.value.fix


def test_other_errors_pass(parts: Any, net: Any, tmp_path: Path) -> None:
    """A RuntimeError that is not about memory is not taken for one."""

    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        run(tmp_path / "a", parts(module=Broken()))


def test_time_limit(parts: Any, tmp_path: Path) -> None:
    """A time limit ends the epoch under way, and validates, keeps and explains what there is."""
    session = run(tmp_path / "a", parts(epochs=50, time_limit=1e-9))
    assert session.progress.epoch == 1
    assert session.progress.step == 1
    assert "time limit" in session.progress.ended
    assert "val_accuracy" in rows(tmp_path / "a")[0]
    assert session.best_state() is not None


def test_patience(parts: Any, net: Any, tmp_path: Path) -> None:
    """Without a better epoch for as long as asked, the training ends and says so."""
    session = run(tmp_path / "a", parts(epochs=50, lr=1e-12, patience=2, augment="none"))
    assert session.progress.epoch <= session.progress.best_epoch + 2
    assert session.progress.ended == "no better epoch in 2"


def test_nan_in_validation_is_never_best(parts: Any, net: Any, tmp_path: Path) -> None:
    """An epoch whose validation loss is not a number is written down as null and never kept."""

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            outputs = self.inner(images)
            return outputs if self.training else outputs * float("nan")

    session = run(tmp_path / "a", parts(module=Odd()))
    assert session.progress.best_epoch == 0
    assert session.best_state() is None
    assert [row["val_loss"] for row in rows(tmp_path / "a")] == [None] * 3


def test_empty_loaders(parts: Any, net: Any, tmp_path: Path) -> None:
    """A loader that gives nothing is a fault of the data, in training and in validation."""
    nothing = LoaderBatches([], torch.device("cpu"))
    with pytest.raises(DataError, match="the training data gave no batches"):
        run(tmp_path / "a", parts(train=nothing))
    with pytest.raises(DataError, match="the validation data gave no batches"):
        validate(net(), nothing, nn.CrossEntropyLoss(), ClassificationTally())


def test_damaged_best_is_said(parts: Any, tmp_path: Path) -> None:
    """When the best weights cannot be read, that is said."""
    heard = Heard()
    session = run(tmp_path / "a", parts(), listener=heard)
    best = checkpoint.saved(tmp_path / "a" / "checkpoints", "best")
    assert len(best) == 1
    (best[0] / checkpoint.STATE).write_bytes(b"x")
    assert session.best_state() is None
    assert "cannot be read" in heard.warned[-1]


def test_threads_are_restored(parts: Any, tmp_path: Path) -> None:
    """A resumed run works with the number of threads that it began with, and says so."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        run(tmp_path / "a", parts(epochs=1))
        torch.set_num_threads(1)
        heard = Heard()
        session = Session(RunFolder(tmp_path / "a"), parts(), listener=heard)
        assert session.restore()
        assert torch.get_num_threads() == 2
        assert "2 threads" in heard.said[0]
    finally:
        torch.set_num_threads(before)
