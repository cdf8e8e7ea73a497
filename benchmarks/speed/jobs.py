"""The jobs, each with its contenders: a row of a table is a contender."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.speed.task import Task

Figures = Mapping[str, float]
# without that of workers; what two threads spend on waiting for each other counts as well
PROCESSOR = "processor ms per 1,000 pictures"


@dataclass(frozen=True)
class Row:
    """A contender: who, which function of which module, and what is particular in its task."""

    who: str
    module: str
    name: str = "fit"
    own: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""
    cores: int = 0


@dataclass(frozen=True)
class Job:
    """A job.

    Args:
        about: what is done, in words.
        rows: the contenders; the first is what the others are compared with.
        figures: a turn → named figures; each column of the table is one's median.
        better: "more" or "less": what is good of the first figure.
        task: particulars of the task that all share.
        pictures: to learn from, and to judge by.
        photographs: large pictures, not small ones.
        once: each turn is a process from its start to its end.
        model: whether a network has to be trained first, for jobs that answer.
    """

    about: str
    rows: tuple[Row, ...]
    figures: Callable[[dict[str, Any], Task], Figures]
    better: str = "more"
    task: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[int, int] = (2048, 1000)
    photographs: bool = False
    once: bool = False
    model: bool = False


def peer(who: str, module: str, needs: str = "", **own: Any) -> Row:
    """A row of another tool, skipped where it is not installed."""
    return Row(who, f"peers.{module}", own.pop("name", "fit"), own, needs or module)


def training(turn: dict[str, Any], task: Task) -> Figures:
    """Of trainings on small pictures."""
    count = sum(1 for _ in task.train.glob("*/*"))
    return {
        "pictures/s in training": count * len(turn["epochs"]) / sum(turn["epochs"]),
        PROCESSOR: 1e6 * sum(turn["spent"]) / (count * len(turn["epochs"])),
        "s in all": turn["seconds"],
        "accuracy": turn["accuracy"],
        "memory, MB": turn["memory"],
    }


def from_start(turn: dict[str, Any], _: Task) -> Figures:
    """Of whole processes."""
    return {
        "s from start to end": turn["wall"],
        "s to the first step": turn["first"] - turn["spawned"],
        "accuracy": turn["accuracy"],
        "memory, MB": turn["memory"],
    }


def epochs(turn: dict[str, Any], task: Task) -> Figures:
    """Of photographs, whose first epoch has to decode; imports are counted for all alike."""
    count = sum(1 for _ in task.train.glob("*/*"))
    later = statistics.median(turn["epochs"][1:])
    early = turn["begun_at"] - turn["spawned"] + turn["early"]
    return {
        "s for 5 epochs": early + 4 * later,
        "s to the end of epoch 1": early,
        "s of a later epoch": later,
        "pictures/s then": count / later,
        "accuracy": turn["accuracy"],
        "memory, MB": turn["memory"],
    }


def rate(turn: dict[str, Any], _: Task) -> Figures:
    """Of what only counts."""
    return {
        "pictures/s": turn["count"] / turn["seconds"],
        PROCESSOR: 1e6 * turn["spent"] / turn["count"],
        "memory, MB": turn["memory"],
    }


def answering(turn: dict[str, Any], task: Task) -> Figures:
    """Of answers; what share of them is the same is added by who sees all."""
    return rate(turn, task)


def per_step(turn: dict[str, Any], task: Task) -> Figures:
    """Of the network of nothing."""
    return {
        "ms per step": 1000 * statistics.median(turn["epochs"]) / task.steps,
        "processor ms per step": 1000 * statistics.median(turn["spent"]) / task.steps,
    }


def judged(turn: dict[str, Any], _: Task) -> Figures:
    """Of trainings that end by the clock."""
    return {
        "accuracy": turn["accuracy"],
        "s of training": sum(turn["epochs"]),
        "s in all": turn["seconds"],
        "memory, MB": turn["memory"],
    }


BF16 = {"precision": "bf16"}
COURSE = (
    Row("textbook, tensor by tensor as torchvision's CIFAR10", "textbook", "fit_course"),
    Row("textbook, tensors in memory", "textbook"),
    Row("textbook, channels_last and bf16", "textbook", "fit_tuned", BF16),
    peer("Lightning", "lightning"),
    peer("Lightning, bf16-mixed", "lightning", **BF16),
    peer("fastai", "fastai"),
    peer("Hugging Face Trainer", "transformers"),
    peer("Hugging Face Trainer, bf16", "transformers", **BF16),
    peer("accelerate", "accelerate"),
    peer("accelerate, bf16, channels_last", "accelerate", **BF16),
    peer("timm's loader, channels_last", "timm"),
    peer("Keras on torch", "keras"),
    Row("Lamplighter, fp32", "ours"),
    Row("Lamplighter, bf16", "ours", own=BF16),
)
CEILINGS = (
    Row("ceiling, fp32: the step on a batch that is there", "ours", "ceiling"),
    Row("ceiling, bf16", "ours", "ceiling", BF16),
)
PHOTOGRAPHS = (
    Row("textbook, 2 workers", "textbook"),
    Row("textbook, 2 workers, channels_last and bf16", "textbook", "fit_tuned", BF16),
    peer("Lightning", "lightning"),
    peer("Lightning, bf16-mixed", "lightning", **BF16),
    peer("fastai", "fastai"),
    peer("timm's loader, channels_last", "timm"),
    peer("Ultralytics classify, cached in memory", "ultralytics"),
    Row("Lamplighter, fp32", "ours"),
    Row("Lamplighter, bf16", "ours", own=BF16),
)
LOADERS = (
    Row("ImageFolder + transforms v2, 2 workers", "textbook", "loader"),
    peer("fastai, 2 workers", "fastai", name="loader"),
    peer("timm, 2 workers", "timm", name="loader", workers=2),
    Row("Lamplighter, from its cache", "ours", "loader"),
)
NOTHING = (
    Row("bare loop", "textbook"),
    peer("accelerate", "accelerate"),
    peer("Hugging Face Trainer", "transformers"),
    peer("fastai", "fastai"),
    peer("Lightning", "lightning"),
    peer("Keras on torch", "keras"),
    Row("bare loop with Lamplighter's settings", "ours", "fit_nothing_bare"),
    Row("Lamplighter, checks, metrics.jsonl and TensorBoard included", "ours", "fit_nothing"),
)
ANSWERS = (
    Row("eager fp32, DataLoader with 2 workers", "textbook", "answers"),
    Row("lamp predict", "ours", "answers"),
    Row("lamp evaluate", "ours", "evaluation"),
)
LARGE = {"augment": True, "batch": 32, "workers": 2}
RESNET = {**LARGE, "network": "resnet18", "size": 128}
MOBILE = {**LARGE, "network": "mobilenet_v2", "size": 128}


def _growing() -> tuple[Row, ...]:
    by_count = [
        Row(f"{who}, {count:,} pictures", module, name, {"epochs": 1, **own, "count": count})
        for count in (1000, 4000, 16000, 50000)
        for who, module, name, own in (
            ("textbook", "textbook", "fit_course", {}),
            ("Lamplighter, auto", "ours", "fit", {"precision": "auto"}),
        )
    ]
    return tuple(by_count)


def _on_cores() -> tuple[Row, ...]:
    return tuple(
        Row(f"{who}, {cores} core{'s' * (cores > 1)}", module, name, own, cores=cores)
        for cores in (1, 2)
        for who, module, name, own in (
            ("textbook", "textbook", "fit", {}),
            ("Lamplighter, fp32", "ours", "fit", {}),
            ("Lamplighter, bf16", "ours", "fit", BF16),
        )
    )


JOBS: dict[str, Job] = {
    "course": Job(
        "the course's CIFAR-10 network, batch 64, SGD: 2 epochs with evaluation and TensorBoard",
        COURSE, training, task={"board": True},
    ),
    "ceiling": Job("the same step on a batch that is there", CEILINGS, rate),
    "start": Job(
        "the course's job end to end: from the start of Python to the end, imports included",
        (*(row for row in COURSE if row.own != BF16 or row.module == "ours"),
         Row("Lamplighter, auto", "ours", own={"precision": "auto"})),
        from_start, "less", {"board": True}, once=True,
    ),
    "resnet18": Job(
        "photographs in class folders, ResNet-18, 128 px, batch 32, random crop and flip",
        PHOTOGRAPHS, epochs, "less", RESNET, (128, 32), photographs=True, once=True,
    ),
    "mobilenet": Job(
        "photographs in class folders, MobileNetV2, 128 px, batch 32, random crop and flip",
        PHOTOGRAPHS, epochs, "less", MOBILE, (128, 32), photographs=True, once=True,
    ),
    "limits": Job(
        "limits of the two jobs with photographs: the step alone, decoding alone",
        (Row("decoding by two threads", "textbook", "decode"),
         Row("ResNet-18, step in fp32", "ours", "ceiling"),
         Row("ResNet-18, step in bf16", "ours", "ceiling", BF16),
         Row("MobileNetV2, step in fp32", "ours", "ceiling", {"network": "mobilenet_v2"}),
         Row("MobileNetV2, step in bf16", "ours", "ceiling", {"network": "mobilenet_v2", **BF16})),
        rate, task=RESNET, pictures=(128, 32), photographs=True,
    ),
    "loader": Job(
        "the loader alone, 32 px, random crop and flip, batch 64",
        LOADERS, rate, task={"augment": True},
    ),
    "loader_photographs": Job(
        "the loader alone, photographs to 128 px, random crop and flip, batch 32",
        LOADERS, rate, task=RESNET, pictures=(400, 32), photographs=True,
    ),
    "nothing": Job(
        "a network of nothing, 500 steps: each tool's own cost",
        NOTHING, per_step, "less", {"network": "nothing"}, (640, 100),
    ),
    "answers": Job(
        "answers for a folder of 1,000 pictures of 32 px, the course's network",
        ANSWERS, answering, task={"epochs": 4}, model=True,
    ),
    "answers_photographs": Job(
        "answers for a folder of photographs, MobileNetV2, 128 px",
        ANSWERS, answering, task={**MOBILE, "epochs": 2}, pictures=(400, 400), photographs=True,
        model=True,
    ),
    "pictures": Job(
        "one epoch of the course's job end to end, by the number of pictures",
        _growing(), from_start, "less", once=True,
    ),
    "cores": Job("the course's job by cores", _on_cores(), training),
    "accuracy": Job(
        "accuracy after so many minutes (--minutes)",
        (Row("textbook: the course's network and settings", "textbook"),
         Row("Lamplighter: its own choice", "ours", "fit_default", {"precision": "auto"}),
         Row("Lamplighter: --recipe speed", "ours", "fit_speed", {"precision": "auto"})),
        judged, task={"minutes": 1.0}, pictures=(50_000, 10_000), once=True,
    ),
}  # fmt: skip
