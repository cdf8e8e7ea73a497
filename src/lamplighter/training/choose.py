"""What `auto` becomes: choices from a few facts about the data, the network and the machine.

Each is a pure function of the facts, is told aloud, and is written into recipe.toml. The figures
behind the defaults are in docs/defaults.md.
"""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping
from dataclasses import dataclass
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

if TYPE_CHECKING:
    pass

GREY_MODES = frozenset({"1", "L", "I;16", "I;16B", "I;16L", "I", "F"})
LOOKED_AT = 64
MANY = 1000  # training pictures: with 244 of them speed_net was behind, with 1,259 ahead (docs/defaults.md)
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
    """The network: ResNet-18 for photographs; for many small pictures that are to be told apart one
    that learns them in minutes, and a small residual one for few, for tiny ones and other tasks."""
    if recipe.model != "auto":
        return recipe.model
    if facts.side > SMALL:
        return "resnet18"
    side = facts.side if recipe.size == "auto" else recipe.size
    fits = SMALL_NETWORKS["speed_net"].min_size <= side <= SMALL
    quick = fits and facts.count >= MANY and facts.task == "classification"
    return "speed_net" if quick else "small_resnet"


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
