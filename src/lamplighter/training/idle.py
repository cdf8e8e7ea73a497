"""Settings that were asked for and do nothing here: each is told, so that nobody counts on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lamplighter.data.example import Collection
from lamplighter.listener import Listener
from lamplighter.models.network import Network
from lamplighter.recipe import FIELDS, Recipe

COLUMNS = ("path_column", "label_column", "group_column", "split_column")
# what only says how pictures become batches, and how a network becomes one for them
OF_PICTURES = (
    *COLUMNS, "val_share", "test_share", "split_seed", "skip_unreadable", "size", "fit", "channels",
    "normalise", "augment", "grow_from", "focus", "cache", "freeze", "activation", "views", "backbone_lr",
    "class_weights",
)  # fmt: skip


def tell_idle(idle: Iterable[tuple[str, str]], asked: Recipe, listener: Listener) -> None:
    """Warns of each idle setting.

    Args:
        idle: (setting, why it does nothing).
        asked: as it was typed; what was left at its default is not told.
    """
    for name, why in idle:
        value = getattr(asked, name)
        if value != FIELDS[name].default:
            flag = name.replace("_", "-")
            listener.warn(f"--{flag} {value} does nothing here: {why}")


def idle_for_pictures(
    resolved: Recipe, collection: Collection, network: Network
) -> Iterator[tuple[str, str]]:
    """What does nothing in a training on pictures: (setting, why)."""
    yield from _of_the_steps(resolved)
    if resolved.model != "tutorial_cnn":
        yield "activation", "only tutorial_cnn takes it"
    if collection.task != "classification":
        yield "smoothing", "it is of cross entropy, which is for classes"
    if collection.task == "regression":
        yield "class_weights", "numbers have no classes"
    if not network.head and resolved.backbone_lr != 1:
        yield "backbone_lr", "no head is known in this network, so all of it learns at --lr"
    own = {example.split for example in collection.source.examples()}
    for split, name in (("val", "val_share"), ("test", "test_share")):
        if split in own and split not in collection.shares:
            yield name, f"the data have a {split} split of their own"
    if " table" not in collection.source.layout:
        for name in COLUMNS:
            yield name, f"the data are no table ({collection.source.layout})"


def idle_for_own(
    *, task: str, loss: bool, optimizer: bool, schedule: bool, loader: bool, resolved: Recipe
) -> Iterator[tuple[str, str]]:
    """What does nothing in a training of the user's own objects: (setting, why).

    Args:
        task: the task.
        loss, optimizer, schedule: whether they were handed over as objects.
        loader: whether the training batches were, not a data set.
        resolved: the recipe.
    """
    for name in OF_PICTURES:
        yield name, "your own objects are taken as they are"
    if optimizer:
        for name in ("lr", "momentum", "weight_decay"):
            yield name, "the optimizer that you made has its own"
    if schedule:
        yield "warmup", "the scheduler that you made has its own"
    if loss or task != "classification":
        yield "smoothing", "it is of our own cross entropy"
    if loader:
        for name in ("batch", "workers"):
            yield name, "the loader that you made has its own"
    yield from () if optimizer or schedule else _of_the_steps(resolved)


def _of_the_steps(resolved: Recipe) -> Iterator[tuple[str, str]]:
    if resolved.optimizer not in ("SGD", "RMSprop"):
        yield "momentum", f"it is of SGD and RMSprop; {resolved.optimizer} has its own"
    if resolved.schedule == "one-cycle" and resolved.warmup != 0:
        yield "warmup", "one-cycle rises by itself in its first 30 %"
