"""What `auto` becomes: choices from a few facts about the data, the network and the machine.

Each is a pure function of the facts, is told aloud, and is written into recipe.toml. The figures
behind the defaults are in docs/recipes.md.
"""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.data.example import Collection
from lamplighter.errors import DataError, UsageError
from lamplighter.images.augment import SMALL
from lamplighter.images.geometry import Fit
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.network import Network
from lamplighter.models.small import SMALL as SMALL_NETWORKS
from lamplighter.recipe import Recipe
from lamplighter.training.muon import own_rate
from lamplighter.training.optimizer import DEFAULT_LR

if TYPE_CHECKING:
    from lamplighter.training.pictures import Reader

GREY_MODES = frozenset({"1", "L", "I;16", "I;16B", "I;16L", "I", "F"})
LOOKED_AT = 64
# what nearly every network trained on ImageNet was given; source: torchvision.transforms presets
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Facts:
    """What the choices rest on.

    Args:
        count: training examples.
        side: median of the longer side of the pictures looked at, pixels.
        grey: whether all pictures looked at are without colour channels.
        characters: whether the classes are single letters or digits, which must not be mirrored.
        outputs: numbers that the network has to give.
        task: what is to be answered, a key of `tasks.TASKS`.
    """

    count: int
    side: int
    grey: bool
    characters: bool
    outputs: int
    task: str = "classification"


def look_at(collection: Collection) -> Facts:
    """Facts from the labels and from up to 64 evenly spaced training pictures."""
    train = collection.splits["train"]
    sides: list[int] = []
    grey = True
    fault: DataError | None = None
    for example in train[:: max(1, len(train) // LOOKED_AT)]:
        try:
            image = collection.source.open(example)
        except DataError as error:
            fault = error  # the decoding pass lists all of them; here one readable one is enough
            continue
        sides.append(max(image.size))
        grey = grey and image.mode in GREY_MODES
    if not sides:
        told = f"; the last: {fault.where}: {fault.message}" if fault else ""
        raise DataError(
            f"none of the training pictures looked at can be read{told}",
            where=collection.source.name,
            fix=f"lamp look {collection.source.root or collection.source.name} names each with its fault",
        )
    outputs = len(collection.classes)
    if collection.task == "regression":
        label = train[0].label
        outputs = len(label) if isinstance(label, tuple) else 1
    names = collection.classes
    return Facts(
        count=len(train),
        side=int(stats.median(sides)),
        grey=grey,
        characters=bool(names) and all(_is_character(name) for name in names),
        outputs=outputs,
        task=collection.task,
    )


DIGIT_WORDS = frozenset(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)


def _is_character(name: str) -> bool:
    parts = name.lower().replace("_", " ").replace("-", " ").split()
    return all(len(part) == 1 or part.isdigit() or part in DIGIT_WORDS for part in parts)


def choose_model(recipe: Recipe, facts: Facts) -> str:
    """The network: ResNet-18 for photographs; for small pictures that are to be told apart one that
    learns them in minutes, and a small residual one for other tasks and for tiny pictures."""
    if recipe.model != "auto":
        return recipe.model
    if facts.side > SMALL:
        return "resnet18"
    side = facts.side if recipe.size == "auto" else recipe.size
    quick = facts.task == "classification" and SMALL_NETWORKS["speed_net"].min_size <= side <= SMALL
    return "speed_net" if quick else "small_resnet"


def choose_optimizer(recipe: Recipe, network: Network) -> str:
    """AdamW; Muon where the network knows its rate (`filter_rate`) and no other was typed, since
    rates that are usual elsewhere are far too low for it."""
    if recipe.optimizer != "auto":
        return recipe.optimizer
    known = own_rate(network.module, "Muon", 1) is not None
    return "Muon" if known and recipe.lr == "auto" and not network.pretrained else "AdamW"


def choose_channels(recipe: Recipe, facts: Facts, *, pretrained: bool) -> int:
    """1 for grey pictures and a network that begins anew; pretrained ones expect colour."""
    if recipe.channels != "auto":
        return 3 if recipe.channels == "rgb" else 1
    return 1 if facts.grey and not pretrained else 3


def choose_options(recipe: Recipe, facts: Facts, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the network's builder is told, of the settings that it knows."""
    options: dict[str, Any] = {}
    if "views" in known:
        usual = "one" if facts.characters else "mirror"  # "all" costs three times and adds little
        options["views"] = usual if recipe.views == "auto" else recipe.views
    elif recipe.views != "auto":
        raise UsageError(
            "only speed_net averages over views",
            where="--views",
            fix="--views auto, or --model speed_net",
        )
    if recipe.activation != "auto" and "activation" in known:
        options["activation"] = recipe.activation
    if recipe.size != "auto" and "size" in known:
        options["size"] = recipe.size
    return options


def choose_preprocess(
    recipe: Recipe, facts: Facts, network: Network, statistics: tuple[Any, Any] | None
) -> Preprocess:
    """How pictures enter the network.

    Args:
        statistics: (means, stds) of the data, where they are needed; None on the first pass,
            which only fixes the geometry.
    """
    wants = network.wants
    if recipe.size != "auto":
        size = recipe.size
    elif network.fixed_size or wants.size:
        size = network.fixed_size or wants.size or 0
    else:
        size = facts.side if facts.side <= SMALL else 224
    if recipe.size == "auto" and network.min_size and size < network.min_size:
        size = network.min_size
    resize = size if size <= SMALL else round(size * 256 / 224)
    if size == wants.size and wants.resize:
        resize = wants.resize
    channels = network.architecture.channels
    mean, std = choose_statistics(recipe, network, statistics)
    return Preprocess(
        size=size,
        fit=choose_fit(recipe),
        resize=resize,
        channels=channels,
        mean=tuple(mean) if len(mean) == channels else (sum(mean) / len(mean),) * channels,
        std=tuple(std) if len(std) == channels else (sum(std) / len(std),) * channels,
        interpolation=wants.interpolation or "bilinear",
    )


def choose_fit(recipe: Recipe) -> Fit:
    """The centre crop, as the field does, unless something else was asked for."""
    return "crop" if recipe.fit == "auto" else recipe.fit


def needs_statistics(recipe: Recipe, network: Network) -> bool:
    """Whether the mean and deviation have to come from the training pictures."""
    return recipe.normalise == "data" or (recipe.normalise == "auto" and network.wants.mean is None)


def choose_statistics(
    recipe: Recipe, network: Network, statistics: tuple[Any, Any] | None
) -> tuple[Any, Any]:
    """Mean and deviation: the weights', the data's, ImageNet's, or 0 and 1."""
    wants = network.wants
    if needs_statistics(recipe, network) and statistics is not None:
        return statistics
    if recipe.normalise == "imagenet":
        return IMAGENET_MEAN, IMAGENET_STD
    if recipe.normalise in ("auto", "weights") and wants.mean and wants.std:
        return wants.mean, wants.std
    return (0.0,), (1.0,)


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
        weight_decay=_weight_decay(recipe, optimizer),
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


def _weight_decay(recipe: Recipe, optimizer: str) -> float:
    if recipe.weight_decay != "auto":
        return recipe.weight_decay
    return {"AdamW": 0.05, "SGD": 5e-4}.get(optimizer, 0.0)


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
        import torch

        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "fp32"


def choose_weights(recipe: Recipe, model: str) -> tuple[str, str]:
    """Which weights to begin with, and what to say about it.

    Published weights are taken by themselves only when they lie in torch's own folder already:
    nothing is fetched that was not asked for.

    Returns:
        (weights, a sentence to say; empty when there is nothing to say).
    """
    if recipe.weights != "auto":
        return recipe.weights, ""
    from lamplighter.models.download import published_weights

    published = published_weights(model)
    if published is None:
        return "none", ""
    if published.path.is_file():
        return "default", f"weights: published ones for {model}, from {published.path}"
    return "none", (
        f"{model} begins with random weights. Pretrained ones usually give far more on photographs "
        f"({published.promise}): --weights default fetches {published.path.name} "
        f"({published.megabytes:.0f} MB), or --weights FILE takes one that you have"
    )


def default_name(data: str, model: str) -> str:
    """`<data>-<model>`, of the names without their folders."""
    parts = [Path(part.strip().rstrip("/\\")).name.split(":")[-1] for part in data.split(" + ")]
    stems = [Path(p).stem if Path(p).suffix in (".csv", ".tsv", ".jsonl") else p for p in parts]
    return f"{'+'.join(stems) or 'data'}-{model.split(':')[-1]}"
