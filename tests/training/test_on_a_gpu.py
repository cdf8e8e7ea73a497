"""On a GPU a step neither mixes devices nor waits for the device; proved without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.feigned import Gpu
from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms as v1
from torchvision.transforms import v2

from lamplighter.checks.running import RunningChecks
from lamplighter.data import batches, whole
from lamplighter.data.batch_transforms import steps_of
from lamplighter.data.batches import LoaderBatches, PictureBatches
from lamplighter.data.focus import Focus
from lamplighter.data.loader import make_loader
from lamplighter.images.augment import policy
from lamplighter.images.pixels import HeldPixels, Pixels, StreamedPixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import SILENT
from lamplighter.models.speed_net import SpeedNet
from lamplighter.tasks.task import TASKS, make_loss
from lamplighter.training.loop import Saver, StepLog, fit, train_step
from lamplighter.training.optimizer import DEFAULT_LR, FUSED, make_optimizer
from lamplighter.training.parts import Parts, Progress, Watcher
from lamplighter.training.precision import gradient_norm, make_precision
from lamplighter.training.schedule import make_schedule
from lamplighter.training.validate import validate

GPU = torch.device("cuda")
COUNT, BATCH = 22, 4


def held(size: int) -> HeldPixels:
    return HeldPixels(
        torch.zeros(COUNT, size, size, 3).byte().permute(0, 3, 1, 2), torch.ones(COUNT)
    )


def streamed(size: int) -> StreamedPixels:
    picture = Image.new("RGB", (size, size))
    with unset_fake_temporarily():  # the threads that decode stand outside
        return StreamedPixels(COUNT, lambda _: picture, np.asarray, workers=1)


def pictures(pixels: Pixels, size: int, augment: str | None = None, **more: Any) -> PictureBatches:
    return PictureBatches(
        pixels, torch.arange(COUNT) % 3, Preprocess(size), batch=BATCH, device=GPU,
        augment=policy(augment, size) if augment else None, shuffle=augment is not None, **more,
    )  # fmt: skip


def network() -> nn.Module:
    with GPU:
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 3),
        )  # fmt: skip


def parts_of(train: Any, *, precision: str = "fp32", optimizer: str = "SGD", **more: Any) -> Parts:
    module = more.pop("module", None) or network()
    task = more.pop("task", "classification")
    groups: list[dict[str, Any]] = [{"params": list(module.parameters())}]
    if optimizer == "Muon":
        filters = [p for p in module.parameters() if p.ndim > 1]
        rest = [p for p in module.parameters() if p.ndim <= 1]
        groups = [{"params": filters, "filters": True, "rescale": True}, {"params": rest}]
    built = make_optimizer(
        optimizer, groups, lr=0.01, momentum=0.9, weight_decay=0.01, device=GPU
    )  # fmt: skip
    return Parts(
        module=module, task=TASKS[task], optimizer=built, train=train, device=GPU, epochs=2,
        loss=more.pop("loss", None) or make_loss("auto", TASKS[task]), val=None,
        schedule=make_schedule("one-cycle", built, steps_per_epoch=6, epochs=2, warmup=0),
        precision=make_precision(precision, GPU), **more,
    )  # fmt: skip


def steps(gpu: Gpu, parts: Parts, epoch: int = 1) -> int:
    """An epoch, of which the first step is not looked at; returns how many came after it."""
    tally, done = parts.task.tally(), 0
    for batch in parts.train.epoch(epoch):
        parts.schedule.before_step(done)
        loss, norm = train_step(parts, [batch], tally, done + 1)
        assert loss.device.type == norm.device.type == "cuda"
        if not done:
            gpu.forget()
        done += 1
    assert done == parts.train.steps()
    return done - 1


@pytest.mark.parametrize(
    ("augment", "size"),
    [(None, 32), ("crop", 32), ("alternating", 32), ("strong", 32), ("light", 96), ("strong", 96)],
)
def test_pictures_on_the_gpu_are_varied_there(gpu: Gpu, augment: str | None, size: int) -> None:
    """Of what an epoch draws nothing crosses batch by batch, and no batch waits."""
    parts = parts_of(pictures(held(size).to(GPU), size, augment))
    assert steps(gpu, parts) == 5
    assert (gpu.waits, gpu.crossed) == ([], 0)


@pytest.mark.parametrize("make", [held, streamed])
@pytest.mark.parametrize(("augment", "size"), [(None, 32), ("light", 32), ("strong", 96)])
def test_pictures_on_the_host_cross_alone(
    gpu: Gpu, make: Callable[[int], Pixels], augment: str | None, size: int
) -> None:
    """Page-locked and beside the steps; with crops, each picture's aspect goes with it."""
    parts = parts_of(pictures(make(size), size, augment))
    steps(gpu, parts)
    assert (gpu.waits, gpu.pageable) == ([], [])
    aspect = 4 if size > 64 else 0
    assert gpu.crossed == (COUNT - BATCH) * (size * size * 3 + aspect)


def test_what_a_large_epoch_draws_stays_on_the_host(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And crosses with its batch, without waiting, so that it does not fill the GPU."""
    monkeypatch.setattr(batches, "MOST_DRAWN", 0)
    parts = parts_of(pictures(held(32).to(GPU), 32, "light"))
    steps(gpu, parts)
    assert (gpu.waits, gpu.pageable) == ([], [])
    assert gpu.crossed == (COUNT - BATCH) * (2 * 8 + 1)


@pytest.mark.parametrize(
    ("optimizer", "precision"),
    [(name, "fp32") for name in DEFAULT_LR]
    + [(name, kind) for name in ("SGD", "AdamW", "NAdam", "Muon") for kind in ("bf16", "fp16")],
)
def test_no_step_waits(gpu: Gpu, optimizer: str, precision: str) -> None:
    """With each optimizer in each precision, clipped; torch's scaler asks where none is fused."""
    parts = parts_of(
        pictures(held(32), 32, "light"), optimizer=optimizer, precision=precision, clip=1.0
    )
    taken = steps(gpu, parts)
    if precision == "fp16" and optimizer not in FUSED:
        assert len(gpu.waits) == taken
        assert all("training/precision.py" in place for place in gpu.waits)
    else:
        assert gpu.waits == []


def test_speed_net_with_focus_and_growing_pictures(gpu: Gpu) -> None:
    """The recipe `speed`: also an epoch whose pictures are chosen by their losses waits in no step."""
    with GPU:
        module = SpeedNet(3, views="mirror", widths=(8, 8, 8))
    focus = Focus(COUNT, 0.5)
    train = pictures(held(32).to(GPU), 32, "alternating", side_at=lambda _: 24, focus=focus)
    parts = parts_of(train, module=module, optimizer="Muon", precision="bf16")
    for epoch, done in ((1, 0.0), (2, 0.5)):
        focus.begin(epoch, done)
        steps(gpu, parts, epoch)
        assert (gpu.waits, gpu.crossed) == ([], 0)
    assert focus.losses_N.device.type == "cuda"


def test_what_is_resumed_meets_what_comes(gpu: Gpu) -> None:
    """Counts and losses of a checkpoint lie on the host; steps on the GPU add to them."""
    focus = Focus(COUNT, 0.5)
    parts = parts_of(pictures(held(32), 32, "light", focus=focus))
    tally = parts.task.tally()
    tally.restore({"count": 3, "loss_sum": torch.ones(()), "right": torch.ones(()).long()})
    focus.load_state_dict({"losses": torch.ones(COUNT), "epoch": 1, "chosen": torch.arange(0)})
    for number, batch in enumerate(parts.train.epoch(1)):
        train_step(parts, [batch], tally)
        if not number:
            gpu.forget()
    assert gpu.waits == []
    assert set(tally.result()) == {"loss", "accuracy"}


@pytest.mark.parametrize(("micro", "group"), [(3, 1), (0, 2)])
def test_steps_in_parts(gpu: Gpu, micro: int, group: int) -> None:
    """Batches that are cut, and batches that are gathered into one step."""
    parts = parts_of(pictures(held(32), 32, "light"), micro=micro)
    given, tally = list(parts.train.epoch(1)), parts.task.tally()
    for start in range(0, 4, group):
        train_step(parts, given[start : start + group], tally)
        if start:
            assert gpu.waits == []
        gpu.forget()


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_other_tasks(gpu: Gpu, task: str) -> None:
    """What they count is kept on the device until the end."""
    train = pictures(held(32), 32, "light")
    train.targets = torch.zeros(COUNT, 3, device=GPU)
    steps(gpu, parts_of(train, task=task))
    assert gpu.waits == []


class Silent:
    """A journal and a listener that keep nothing."""

    def steps(self, first: int, losses: list[float], rates: list[float]) -> None: ...

    def epoch(self, row: dict[str, Any]) -> None: ...

    def step_done(self, batch: int, figures: dict[str, float]) -> None: ...


def test_losses_are_fetched_at_log_points(gpu: Gpu) -> None:
    """All steps since the last one at once, wherever the optimizer had gradients."""
    parts = parts_of(pictures(held(32).to(GPU), 32, "flip"))
    log = StepLog(parts, Progress(), Silent(), Silent())  # type: ignore[arg-type]
    tally = parts.task.tally()
    for number, batch in enumerate(parts.train.epoch(1)):
        loss, norm = train_step(parts, [batch], tally)
        if not number:
            gpu.forget()
        log.step(loss, norm, [batch], log.last)
    assert gpu.waits == []
    log.flush()
    assert gpu.waits
    assert all("training/loop.py" in place for place in gpu.waits)
    assert gradient_norm(parts.optimizer, 0.0).device.type == "cuda"  # none are left


def test_validation_waits_at_its_end(gpu: Gpu) -> None:
    """The figures are fetched once, after the last batch."""
    parts = parts_of(None)
    batches_ = pictures(held(32), 32)
    for _ in range(2):
        gpu.forget()
        validate(parts.module, batches_, parts.loss, parts.tally())
    begun, fetched = gpu.waits[:2], gpu.waits[2:]
    assert all("data/copy_stream.py" in place for place in begun)  # an epoch's rows
    assert fetched
    assert all("tasks/tally.py" in place for place in fetched)


def test_a_whole_training_waits_where_it_has_to(gpu: Gpu) -> None:
    """At log points, for the figures of an epoch, and once for what an epoch shows: nowhere else."""
    train = pictures(held(32), 32, "light", focus=Focus(COUNT, 0.5))
    parts = parts_of(train, precision="bf16", optimizer="AdamW")
    parts.val = pictures(held(32), 32)
    saver = Saver(checkpoint=lambda *_: None, best=lambda *_: None)
    progress = Progress()
    gpu.forget()
    fit(parts, progress, journal=Silent(), saver=saver, listener=SILENT)  # type: ignore[arg-type]
    assert (progress.epoch, progress.step) == (2, 12)
    files = {place.split(" in ")[1].partition(":")[0] for place in gpu.waits}
    assert files == {
        "training/loop.py", "tasks/tally.py", "data/focus.py", "data/copy_stream.py",
        "data/batches.py", "images/preprocess.py",
    }  # fmt: skip


@pytest.mark.parametrize("room", [v1, v2])
def test_normalising_own_pictures(gpu: Gpu, room: Any) -> None:
    """torchvision's transform waits for each batch on a GPU; the same arithmetic does so once."""
    gpu.yes = False  # no deviation is 0
    bytes_, floats = room.PILToTensor(), room.ConvertImageDtype(torch.float32)
    steps_ = steps_of(room.Compose([bytes_, floats, room.Normalize((0.5,), (0.2,))]), (8, 8))
    assert steps_ is not None
    for _ in range(2):
        gpu.forget()
        images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8, device=GPU)
        for step in steps_:
            images = step.apply(images, None)
        assert (images.device.type, images.dtype) == ("cuda", torch.float32)
    assert gpu.waits == []


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
def test_checks_look_at_few_steps(gpu: Gpu) -> None:
    """Between their looks they do not wait."""

    class Watching(Watcher):
        def __init__(self, module: nn.Module, optimizer: Any) -> None:
            self.checks = RunningChecks(module, [optimizer])
            self.forward = self.checks.forward  # type: ignore[method-assign]
            self.after_backward = self.checks.after_backward  # type: ignore[method-assign]
            self.after_step = self.checks.after_step  # type: ignore[method-assign]

    parts = parts_of(pictures(held(32), 32, "light"))
    parts.watcher = Watching(parts.module, parts.optimizer)
    tally = parts.task.tally()
    for number, batch in enumerate(parts.train.epoch(1), 1):
        if number == 4:
            gpu.forget()
        train_step(parts, [batch], tally, number)
    assert gpu.waits == []


def own_steps(gpu: Gpu, given: LoaderBatches) -> None:
    parts = parts_of(given)
    tally = parts.task.tally()
    for number, batch in enumerate(given.epoch(1)):
        train_step(parts, [batch], tally)
        if not number:
            gpu.forget()
    assert (gpu.waits, gpu.pageable) == ([], [])


def test_own_loaders(gpu: Gpu) -> None:
    """Tensors of a loader that pins nothing cross page-locked, beside the steps."""
    rows = [(torch.zeros(3, 32, 32), number % 3) for number in range(COUNT)]
    own_steps(gpu, LoaderBatches(DataLoader(rows, batch_size=BATCH), GPU))  # type: ignore[arg-type]
    assert gpu.crossed == (COUNT - BATCH) * (3 * 32 * 32 * 4 + 8)


@pytest.mark.parametrize("room", [True, False])
def test_own_sets_taken_whole(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, room: bool) -> None:
    """On the GPU where there is room; else their rows cross, page-locked."""
    monkeypatch.setattr(whole, "has_room", lambda *_: room)
    with unset_fake_temporarily():
        data = TensorDataset(torch.zeros(COUNT, 3, 32, 32), torch.arange(COUNT) % 3)
    loader, begin = make_loader(data, batch=BATCH, shuffle=True, seed=0, workers=0, device=GPU)
    own_steps(gpu, LoaderBatches(loader, GPU, None, begin))
    assert gpu.crossed == (0 if room else (COUNT - BATCH) * (3 * 32 * 32 * 4 + 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_same_on_a_real_gpu() -> None:
    """torch itself finds no waiting in a step there, and the pictures that come are the right ones."""
    pixels = torch.randint(0, 256, (COUNT, 32, 32, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    plain = pictures(HeldPixels(pixels, torch.ones(COUNT)), 32)
    for number, batch in enumerate(plain.epoch(1)):
        expected = pixels[number * BATCH :][:BATCH].float() / 255
        assert torch.allclose(batch.inputs.cpu(), expected, atol=1e-6)
    train = pictures(HeldPixels(pixels, torch.ones(COUNT)), 32, "strong")
    parts = parts_of(train, optimizer="AdamW", precision="bf16", clip=1.0)
    given, tally = train.epoch(1), parts.task.tally()
    train_step(parts, [next(given)], tally)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in given:
            train_step(parts, [batch], tally)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert 0 <= tally.result()["accuracy"] <= 1
