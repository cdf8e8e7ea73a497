"""The recipe with every `auto` replaced, once network and pictures are chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from lamplighter.data.example import Collection
from lamplighter.data.loader import bounded
from lamplighter.errors import UsageError
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import pick_device
from lamplighter.models.network import Network
from lamplighter.recipe import Recipe
from lamplighter.training.choose import Facts, needs_statistics
from lamplighter.training.muon import own_rate
from lamplighter.training.optimizer import DEFAULT_LR
from lamplighter.training.pictures import Reader


def resolve(
    recipe: Recipe, facts: Facts, network: Network, preprocess: Preprocess, device: str
) -> Recipe:
    """The recipe with every remaining `auto` replaced."""
    tuned = network.pretrained and bool(network.head)
    optimizer = choose_optimizer(recipe, network)
    recipe = recipe.with_changes(optimizer=optimizer)  # what follows goes by it
    epochs = _epochs(recipe, facts, tuned=tuned)
    batch = _batch(recipe, facts, preprocess) if recipe.batch == "auto" else recipe.batch
    if recipe.batch != "auto" and recipe.batch > facts.count:
        raise UsageError(
            f"a batch of {recipe.batch} is larger than the {facts.count} training pictures",
            where="--batch",
            fix=f"--batch {max(1, min(32, facts.count // 4))}, or --batch auto",
        )
    own_lr = own_rate(network.module, optimizer, batch * recipe.accumulate)
    lr = own_lr if recipe.lr == "auto" and own_lr else recipe.lr
    if lr == "auto":
        rates = {"AdamW": 3e-3, "SGD": 0.01} if tuned else {**DEFAULT_LR, "AdamW": 3e-3}
        lr = rates.get(optimizer, 1e-3)
    schedule = recipe.schedule
    if schedule == "auto":
        schedule = "cosine" if tuned else "linear" if own_lr else "one-cycle"
    freeze = (
        ("first" if tuned and epochs > 1 else "none") if recipe.freeze == "auto" else recipe.freeze
    )
    return replace(
        recipe,
        size=preprocess.size,
        fit=preprocess.fit,
        channels="rgb" if preprocess.channels == 3 else "grey",
        augment=_augment(recipe, facts, epochs, tuned=tuned),
        model=recipe.model if recipe.model != "auto" else network.architecture.name,
        freeze=freeze,
        views=_views(recipe, network),
        epochs=epochs,
        batch=batch,
        lr=lr,
        backbone_lr=(0.1 if tuned else 1.0) if recipe.backbone_lr == "auto" else recipe.backbone_lr,
        weight_decay=_weight_decay(recipe),
        schedule=schedule,
        warmup=(0.3 if schedule in ("cosine", "linear") and not own_lr else 0.0)
        if recipe.warmup == "auto"
        else recipe.warmup,
        loss=recipe.loss,
        device=device,
        precision=_precision(recipe, device),
        compile="off" if recipe.compile == "auto" else recipe.compile,
    )


def resolve_data(
    recipe: Recipe, collection: Collection, network: Network, reader: Reader
) -> Recipe:
    """The recipe with what became of `auto` where the data are cut, read and normalised.

    A share stays `auto` where nothing was cut: the data have that split of their own.

    Args:
        recipe: the person's, or one resolved as to the network and its steps.
        reader: decodes the pictures.
    """
    cut = collection.shares
    val, test = recipe.val_share, recipe.test_share
    if val == "auto" and "val" in cut:
        val = cut["val"]
    if test == "auto" and cut and ("test" in cut or "test" not in collection.splits):
        test = cut.get("test", 0.0)
    from_data = needs_statistics(recipe, network)
    return replace(
        recipe,
        val_share=val,
        test_share=test,
        normalise=("data" if from_data else "weights")
        if recipe.normalise == "auto"
        else recipe.normalise,
        workers=reader.workers if recipe.workers == "auto" else recipe.workers,
        cache=("on" if reader.keeps(collection.splits["train"]) else "off")
        if recipe.cache == "auto"
        else recipe.cache,
    )


def _views(recipe: Recipe, network: Network) -> Any:
    return network.architecture.options.get("views", recipe.views)


def _epochs(recipe: Recipe, facts: Facts, *, tuned: bool) -> int:
    """About 400,000 pictures seen from scratch, within 8 to 20 epochs; 5 when fine-tuning.

    Muon learns as much from 250,000, within 5 to 20.
    """
    if recipe.epochs != "auto":
        return recipe.epochs
    if recipe.optimizer == "Muon":
        return min(20, max(5, 250_000 // facts.count))
    return 5 if tuned else min(20, max(8, 400_000 // facts.count))


def _batch(recipe: Recipe, facts: Facts, preprocess: Preprocess) -> int:
    """At least about 30 steps an epoch; photographs no more than 32, for the memory's sake."""
    most = 32 if preprocess.size > 128 else 512 if recipe.optimizer == "Muon" else 128
    fitting = max(8, facts.count // 30)
    return min(most, 1 << (fitting.bit_length() - 1), max(1, facts.count))


def _weight_decay(recipe: Recipe) -> float:
    if recipe.weight_decay != "auto":
        return recipe.weight_decay
    return {"AdamW": 0.05, "SGD": 5e-4}.get(recipe.optimizer, 0.0)


def _augment(recipe: Recipe, facts: Facts, epochs: int, *, tuned: bool) -> Any:
    """Crop and flip; no flip for characters; nothing in trainings too short to overfit."""
    if recipe.augment != "auto":
        return recipe.augment
    if recipe.optimizer == "Muon":  # made for trainings so short that each epoch has to count
        return "crop" if facts.characters else "alternating"
    if not tuned and epochs < 5:
        return "none"
    return "crop" if facts.characters else "light"


def _precision(recipe: Recipe, device: str) -> Any:
    if recipe.precision != "auto":
        return recipe.precision
    if device.startswith("cuda"):
        with torch.cuda.device(device):  # older GPUs emulate bfloat16, slower than float32
            able = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if able else "fp32"
    return "fp32"


def choose_optimizer(recipe: Recipe, network: Network) -> str:
    """AdamW; Muon where the network knows its rate (`filter_rate`) and no other was typed, since
    rates that are usual elsewhere are far too low for it."""
    if recipe.optimizer != "auto":
        return recipe.optimizer
    known = own_rate(network.module, "Muon", 1) is not None
    return "Muon" if known and recipe.lr == "auto" and not network.pretrained else "AdamW"


def resolve_own(
    recipe: Recipe, listener: Listener = SILENT, module: nn.Module | None = None
) -> Recipe:
    """The same for objects of the user's own, which leave less to choose.

    Args:
        listener: hears of workers that are more than there are cores.
        module: the user's network, where it is known.
    """
    optimizer = "AdamW" if recipe.optimizer == "auto" else recipe.optimizer
    batch = 32 if recipe.batch == "auto" else recipe.batch
    lr = recipe.lr
    if lr == "auto":
        lr = own_rate(module, optimizer, batch * recipe.accumulate) or DEFAULT_LR[optimizer]
    return replace(
        recipe,
        epochs=1 if recipe.epochs == "auto" else recipe.epochs,
        batch=batch,
        lr=lr,
        optimizer=optimizer,
        schedule="constant" if recipe.schedule == "auto" else recipe.schedule,
        warmup=0.0 if recipe.warmup == "auto" else recipe.warmup,
        weight_decay=0.01 if recipe.weight_decay == "auto" else recipe.weight_decay,
        precision="fp32" if recipe.precision == "auto" else recipe.precision,
        compile="off" if recipe.compile == "auto" else recipe.compile,
        memory_format=_format_of(module)
        if recipe.memory_format == "auto"
        else recipe.memory_format,
        workers=0 if recipe.workers == "auto" else bounded(recipe.workers, listener),
        device=str(pick_device(recipe.device)),
    )


def _format_of(module: nn.Module | None) -> Literal["channels_last", "contiguous"]:
    """How the user has laid out the weights: their network is left as it is."""
    for weights in module.parameters() if module is not None else ():
        if is_lazy(weights) or weights.ndim != 4 or weights.is_contiguous():
            continue
        if weights.is_contiguous(memory_format=torch.channels_last):
            return "channels_last"
    return "contiguous"
