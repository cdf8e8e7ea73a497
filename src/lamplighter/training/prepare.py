"""From a recipe and a collection to everything that the loop works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lamplighter.data.batches import PictureBatches
from lamplighter.data.example import Collection
from lamplighter.data.focus import Focus
from lamplighter.data.loader import bounded
from lamplighter.errors import ModelError, UsageError
from lamplighter.images.augment import Augment, policy
from lamplighter.images.growth import side_at
from lamplighter.images.pixels import HeldPixels, Pixels
from lamplighter.images.preprocess import Preprocess, spacing, statistics
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import cores, keep_memory, training_device
from lamplighter.models.answers import check_answers
from lamplighter.models.architecture import known_options
from lamplighter.models.build import Network, build, find
from lamplighter.models.freeze import freeze_backbone, parameter_groups, unfreeze
from lamplighter.models.memory_format import FORMATS, fit_memory_format
from lamplighter.models.outside_state import refuse_outside_state
from lamplighter.models.shape import check_shape, settle_lazy
from lamplighter.models.speed_net import Whitening
from lamplighter.recipe import Recipe
from lamplighter.tasks.task import TASKS, balanced_weights, make_loss
from lamplighter.training import choose
from lamplighter.training.compiling import choose_compile
from lamplighter.training.idle import idle_for_pictures, tell_idle
from lamplighter.training.measure_precision import choose_precision
from lamplighter.training.muon import muon_groups
from lamplighter.training.optimizer import make_optimizer
from lamplighter.training.parts import Parts, limits_of
from lamplighter.training.pictures import Reader, UnreadablePictures, make_batches, without
from lamplighter.training.precision import make_precision
from lamplighter.training.resolve import resolve, resolve_data
from lamplighter.training.schedule import make_schedule
from lamplighter.training.space import fit_to_memory

WHITENED_FROM = 4096  # pictures
STATISTICS_FROM = 2048  # pictures; the mean over more moves in the fourth digit only


@dataclass
class Prepared:
    """A training that can begin.

    Args:
        recipe: every `auto` resolved.
        collection: without pictures that were left out.
        network: built, weights loaded, on the device.
        preprocess: as it goes into the artifact.
        parts: for the loop.
        reader: decodes further splits the same way.
        compiling: what `--compile auto` became, and why; empty where it was not asked for.
    """

    recipe: Recipe
    collection: Collection
    network: Network
    preprocess: Preprocess
    parts: Parts
    reader: Reader
    compiling: str = ""


def prepare(recipe: Recipe, collection: Collection, listener: Listener = SILENT) -> Prepared:
    """Chooses, builds and decodes, in the order in which the choices depend on each other.

    Raises:
        DataError: pictures that cannot be read, or too few of them.
        ModelError: the network does not fit the pictures, or its weights do not fit it.
        UsageError: settings that contradict each other.
    """
    device = training_device(recipe.device, repeatable=recipe.deterministic)
    facts = choose.look_at(collection)
    network, weights = _build(recipe, facts, listener)
    recipe = replace(recipe, weights=weights)
    workers = cores() if recipe.workers == "auto" else bounded(recipe.workers, listener)
    reader = Reader(collection.source, collection.digests, recipe.cache, max(1, workers), listener)
    preprocess = choose.choose_preprocess(recipe, facts, network, None)
    keep_memory(preprocess.size)  # before the first pass
    _try_network(network, preprocess, facts, collection.task)
    resolved = resolve(recipe, facts, network, preprocess, str(device))
    resolved = resolve_data(resolved, collection, network, reader)
    resolved = resolved.with_changes(
        memory_format=fit_memory_format(
            network.module.to(device), network.architecture.source, preprocess.shape,
            recipe.memory_format,
        )
    )  # fmt: skip
    augment = policy(resolved.augment, preprocess.size)
    collection, pixels = _decode(resolved, collection, reader, preprocess, augment, listener)
    if choose.needs_statistics(recipe, network):
        preprocess = choose.choose_preprocess(recipe, facts, network, _statistics(pixels["train"]))
    _whiten(network, pixels["train"], preprocess)
    parts = make_parts(resolved, collection, network, preprocess, pixels, augment, device)
    fit_to_memory(parts, listener)
    if recipe.precision == "auto" and device.type == "cpu":
        name = choose_precision(
            parts, model=resolved.model, keep=recipe.cache != "off", listener=listener,
            made_for_short=resolved.optimizer == "Muon",
        )  # fmt: skip
        resolved = resolved.with_changes(precision=name)
        parts.precision = make_precision(name, device)
    compiling = ""
    if recipe.compile == "auto":
        decision = choose_compile(parts, resolved)
        resolved, compiling = resolved.with_changes(compile=decision.name), str(decision)
        if decision.worth_a_line:
            listener.say(f"compile: {decision}")
    _tell(resolved, collection, network, preprocess, listener)
    tell_idle(idle_for_pictures(resolved, collection, network), recipe, listener)
    return Prepared(resolved, collection, network, preprocess, parts, reader, compiling)


def _build(recipe: Recipe, facts: choose.Facts, listener: Listener) -> tuple[Network, str]:
    """The network, and which weights it begins with."""
    model = choose.choose_model(recipe, facts)
    source, name = find(model)
    weights, note = choose.choose_weights(recipe, name if source == "torchvision" else model)
    if note:
        listener.say(note)
    channels = choose.choose_channels(recipe, facts, pretrained=weights != "none")
    options = choose.choose_options(recipe, facts, known_options(source, name))
    network = build(
        model, facts.outputs, channels=channels, weights=weights, init=recipe.init,
        options=options, listener=listener,
    )  # fmt: skip
    if source == "own" and recipe.channels == "auto":
        # an own class decides by its first layer what it sees
        network.architecture = replace(
            network.architecture, channels=first_channels(network.module, channels)
        )
    return network, weights


def _try_network(network: Network, preprocess: Preprocess, facts: choose.Facts, task: str) -> None:
    """Sends a picture through before any is decoded; lazy layers have their sizes afterwards."""
    check_shape(network.module, preprocess.shape)
    if network.architecture.source == "own":  # others are made for the data
        check_answers(network.module, preprocess.shape, facts.outputs, task)
        refuse_outside_state(network.module, preprocess.shape)
    settle_lazy(network.module, preprocess.shape)


def first_channels(module: nn.Module, otherwise: int) -> int:
    """1 or 3, by the first convolution; `otherwise` where there is none, or one that takes any."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            if layer.in_channels in (1, 3):
                return layer.in_channels
            if isinstance(layer, nn.LazyConv2d):  # takes what it is given first
                return otherwise
            raise ModelError(
                f"its first convolution takes {layer.in_channels} channels; pictures have 3, or 1 when grey",
                where=type(module).__name__,
                fix=f"nn.Conv2d({3 if layer.in_channels > 1 else 1}, {layer.out_channels}, …)",
            )
    return otherwise


def _decode(
    recipe: Recipe,
    collection: Collection,
    reader: Reader,
    preprocess: Preprocess,
    augment: Augment,
    listener: Listener,
) -> tuple[Collection, dict[str, Pixels]]:
    """Pixels of train and val; pictures that cannot be read are left out only when allowed."""

    def read(split: str) -> Pixels:
        varied = augment if split == "train" else Augment()
        return reader.pixels(collection.splits[split], preprocess, varied)

    pixels: dict[str, Pixels] = {}
    unreadable: list[UnreadablePictures] = []
    for split in ("train", "val"):
        if split in collection.splits:
            try:
                pixels[split] = read(split)
            except UnreadablePictures as fault:
                unreadable.append(fault)
    if unreadable:
        if not recipe.skip_unreadable:
            if "test" in collection.splits:  # all are told at once
                try:
                    read("test")
                except UnreadablePictures as fault:
                    unreadable.append(fault)
            raise _together(unreadable)
        keys = [key for fault in unreadable for key in fault.keys]
        listener.warn(
            f"{'1 unreadable picture is' if len(keys) == 1 else f'{len(keys):,} unreadable pictures are'}"
            f" left out: {', '.join(keys[:5])}" + (" …" if len(keys) > 5 else "")
        )
        collection = without(collection, keys)
        pixels = {split: read(split) for split in ("train", "val") if split in collection.splits}
    return collection, pixels


def _together(faults: list[UnreadablePictures]) -> UnreadablePictures:
    told = [pair for fault in faults for pair in fault.faults]
    return UnreadablePictures(told, faults[0].where)


def _statistics(pixels: Pixels) -> tuple[list[float], list[float]]:
    if isinstance(pixels, HeldPixels):
        return statistics(pixels.pixels, most=STATISTICS_FROM)
    # the pictures that `statistics` would choose: held or streamed, a network sees the same numbers
    chosen = torch.arange(0, len(pixels), spacing(len(pixels), STATISTICS_FROM))
    return statistics(torch.cat(list(pixels.read(chosen.split(64)))), most=len(chosen))


def _some(pixels: Pixels, most: int) -> Tensor:
    """Evenly spaced pictures, uint8."""
    chosen = torch.linspace(0, len(pixels) - 1, min(len(pixels), most)).long()
    return torch.cat(list(pixels.read(chosen.split(64))))


def make_parts(
    recipe: Recipe,
    collection: Collection,
    network: Network,
    preprocess: Preprocess,
    pixels: dict[str, Pixels],
    augment: Augment,
    device: torch.device,
) -> Parts:
    """The loop's parts, from a resolved recipe."""
    assert not isinstance(recipe.lr, str)
    assert not isinstance(recipe.epochs, str)
    assert not isinstance(recipe.batch, str)
    assert not isinstance(recipe.warmup, str)
    memory_format = FORMATS[recipe.memory_format]
    train = make_batches(
        collection, "train", pixels["train"], preprocess, device,
        batch=recipe.batch, augment=augment, seed=recipe.seed,
        side_at=_growing(recipe, network, preprocess), focus=_focus(recipe, collection),
        memory_format=memory_format,
    )  # fmt: skip
    val: PictureBatches | None = None
    if "val" in pixels:
        val = make_batches(
            collection, "val", pixels["val"], preprocess, device, memory_format=memory_format
        )
    task = TASKS[collection.task]
    weights = None
    if recipe.class_weights == "balanced" and collection.task != "regression":
        weights = balanced_weights(train.targets, len(collection.classes)).to(device)
    factor, decay = float(recipe.backbone_lr), float(recipe.weight_decay)
    if recipe.optimizer == "Muon":
        groups = muon_groups(
            network, recipe.lr, batch=recipe.batch * recipe.accumulate,
            backbone_factor=factor, weight_decay=decay,
        )  # fmt: skip
    else:
        groups = parameter_groups(network, recipe.lr, backbone_factor=factor, weight_decay=decay)
    optimizer = make_optimizer(
        recipe.optimizer, groups, lr=recipe.lr, momentum=recipe.momentum,
        weight_decay=decay, device=device,
    )  # fmt: skip
    steps = -(-train.steps() // recipe.accumulate)
    return Parts(
        module=network.module,
        task=task,
        loss=make_loss(recipe.loss, task, smoothing=recipe.smoothing, weights=weights),
        optimizer=optimizer,
        schedule=make_schedule(
            recipe.schedule,
            optimizer,
            steps_per_epoch=steps,
            epochs=recipe.epochs,
            warmup=recipe.warmup,
        ),
        precision=make_precision(recipe.precision, device),
        train=train,
        val=val,
        device=device,
        **limits_of(recipe),
        set_mode=mode_setter(network, recipe.freeze),
    )


def _focus(recipe: Recipe, collection: Collection) -> Focus | None:
    if recipe.focus == 1:
        return None
    if collection.task != "classification":
        raise UsageError(
            f"what is learnt worst is told by the loss of a class; this task is {collection.task}",
            where="--focus",
            fix="--focus 1",
        )
    return Focus(len(collection.splits["train"]), recipe.focus)


def _growing(
    recipe: Recipe, network: Network, preprocess: Preprocess
) -> Callable[[int], int] | None:
    """Epoch → side of its training pictures; None where they do not grow."""
    if recipe.grow_from == 1:
        return None
    if network.fixed_size:
        raise UsageError(
            f"{recipe.model} takes pictures of {network.fixed_size} pixels only, so they cannot grow",
            where="--grow-from",
            fix="--grow-from 1",
        )
    epochs, size, first = int(recipe.epochs), preprocess.size, recipe.grow_from
    return lambda epoch: side_at(epoch, epochs, size, first, network.min_size or 1)


def _whiten(network: Network, pixels: Pixels, preprocess: Preprocess) -> None:
    """Finds a whitening first layer's filters, where the network has one and no loaded weights."""
    layer = getattr(network.module, "whitening", None)
    if isinstance(layer, Whitening) and not network.pretrained:
        layer.whiten(preprocess.normalise(_some(pixels, WHITENED_FROM)))


def mode_setter(network: Network, freeze: str) -> Callable[[int, float], None]:
    """What puts the module into training mode for an epoch, with what is frozen in it.

    A network that learns from scratch as a whole may have a word in it (`begin_epoch`, as
    speed_net does).
    """
    whole = freeze == "none" and not network.pretrained
    begin_epoch = getattr(network.module, "begin_epoch", None) if whole else None

    def set_mode(epoch: int, done: float) -> None:
        if freeze == "backbone" or (freeze == "first" and epoch == 1):
            freeze_backbone(network)
        elif freeze == "first":
            unfreeze(network)
        if begin_epoch is not None:
            begin_epoch(done)
        network.module.train()

    return set_mode


def _tell(
    recipe: Recipe,
    collection: Collection,
    network: Network,
    preprocess: Preprocess,
    listener: Listener,
) -> None:
    """Says what was chosen, in three lines."""
    count = sum(p.numel() for p in network.module.parameters())
    origin = "pretrained" if network.pretrained else "from scratch"
    sizes = ", ".join(f"{name} {len(e):,}" for name, e in collection.splits.items())
    listener.say(f"data: {collection.source.name}, {len(collection.classes)} classes, {sizes}")
    listener.say(f"network: {recipe.model}, {count:,} parameters, {origin}; pictures: {preprocess}")
    listener.say(
        f"training: {recipe.epochs} epochs of {len(collection.splits['train']):,} in batches of {recipe.batch}, "
        f"{recipe.optimizer} lr {recipe.lr:g} {recipe.schedule}, augment {recipe.augment}, "
        f"freeze {recipe.freeze}, {recipe.precision} on {recipe.device}, seed {recipe.seed}"
    )
