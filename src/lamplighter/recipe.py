"""What was asked: one frozen, flat table of settings, each with its words, choices and bounds.

The command line's flags, the keys of a recipe file and the keyword arguments of `lamp.train` are
all made from this table, so a setting is stated once. Pydantic (150 ms) is imported when values
are checked, not when `lamp train --help` is shown.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from lamplighter.errors import RecipeError, did_you_mean
from lamplighter.toml_text import toml_lines

Auto = Literal["auto"]
Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0), Lt(math.inf)]
NotNegative = Annotated[float, Ge(0), Lt(math.inf)]
Share = Annotated[float, Ge(0), Lt(1)]

OPTIMIZERS = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta", "Muon")  # fmt: skip
SCHEDULES = ("constant", "step", "cosine", "one-cycle", "plateau", "linear")
AUGMENTS = ("none", "light", "flip", "crop", "alternating", "strong", "auto")


def setting(default: Any, section: str, help: str, expects: str) -> Any:
    """A field with what people read about it: its group, its help, and what it accepts."""
    return field(default=default, metadata={"section": section, "help": help, "expects": expects})


@dataclass(frozen=True)
class Recipe:
    """Everything that can be asked of a training; `auto` is resolved by the stage that knows."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    data: str = setting(
        "", "data", "folder, table, data set name, package.module:name, or A + B", "a text"
    )
    data_root: str | None = setting(None, "data", "where data sets known by name lie", "a folder")
    download: bool = setting(
        False, "data", "fetch a data set known by name if it is not there", "true or false"
    )
    task: Literal["auto", "classification", "multilabel", "regression"] = setting(
        "auto", "data", "what is to be answered", "auto, classification, multilabel or regression"
    )
    path_column: str | None = setting(
        None, "data", "the table's column with paths", "a column name"
    )
    label_column: str | None = setting(
        None, "data", "the table's column with labels; several with commas", "a column name"
    )
    group_column: str | None = setting(
        None, "data", "the table's column of what must stay together", "a column name"
    )
    split_column: str | None = setting(
        None, "data", "the table's column that says train, val or test", "a column name"
    )
    val_share: Auto | Share = setting(
        "auto", "data", "share cut for validation where the data has none",
        "a number from 0 up to 1, or auto",
    )  # fmt: skip
    test_share: Auto | Share = setting(
        "auto", "data", "share cut for the test where the data has no splits",
        "a number from 0 up to 1, or auto",
    )  # fmt: skip
    split_seed: Annotated[int, Ge(0), Lt(2**63)] = setting(
        0,
        "data",
        "of the cut into splits; apart from seed, so that runs of other seeds can be compared",
        "a whole number of at least 0, below 2^63",
    )
    skip_unreadable: bool = setting(
        False, "data", "go on without pictures that cannot be read", "true or false"
    )

    size: Auto | Annotated[int, Ge(1), Le(4096)] = setting(
        "auto",
        "pictures",
        "side of the square that the network sees, pixels",
        "a whole number from 1 to 4096, or auto",
    )
    fit: Literal["auto", "crop", "squash", "pad"] = setting(
        "auto", "pictures", "how a picture becomes a square", "auto, crop, squash or pad"
    )
    channels: Literal["auto", "rgb", "grey"] = setting(
        "auto", "pictures", "colour or grey", "auto, rgb or grey"
    )
    normalise: Literal["auto", "weights", "data", "imagenet", "none"] = setting(
        "auto", "pictures", "whose mean and deviation are used",
        "auto, weights, data, imagenet or none",
    )  # fmt: skip
    augment: Literal["none", "light", "flip", "crop", "alternating", "strong", "auto"] = setting(
        "auto",
        "pictures",
        "how training pictures are varied",
        "none, light, flip, crop, alternating, strong or auto",
    )
    grow_from: Annotated[float, Gt(0), Le(1)] = setting(
        1.0, "pictures",
        "side of the first epoch's pictures as a share of size; they grow to it",
        "a number above 0, up to 1",
    )  # fmt: skip
    focus: Annotated[float, Ge(0.25), Le(1)] = setting(
        1.0,
        "pictures",
        "share of the pictures, those learnt worst, that the second half of the training shows, as often "
        "as fits; 1: all",
        "a number from 0.25 to 1",
    )
    cache: Literal["auto", "on", "off"] = setting(
        "auto", "pictures", "keep decoded pictures", "auto, on or off"
    )

    model: str = setting(
        "auto",
        "network",
        "a network's name (lamp models), timm:NAME, or package.module:Class",
        "a name",
    )
    weights: str = setting(
        "auto",
        "network",
        "default (published), none, or a weights file",
        "default, none, or a file",
    )
    freeze: Literal["auto", "none", "first", "backbone"] = setting(
        "auto", "network", "keep pretrained layers: not, in the first epoch, or always",
        "auto, none, first or backbone",
    )  # fmt: skip
    init: Literal["default", "xavier", "kaiming", "normal"] = setting(
        "default", "network", "how new layers begin", "default, xavier, kaiming or normal"
    )
    activation: Literal["auto", "none", "relu"] = setting(
        "auto", "network", "tutorial_cnn only: activation between its layers", "auto, none or relu"
    )
    views: Literal["auto", "one", "mirror", "moved", "all"] = setting(
        "auto", "network",
        "speed_net only: views of a picture whose answers are averaged",
        "auto, one, mirror, moved or all",
    )  # fmt: skip

    epochs: Auto | Natural = setting(
        "auto",
        "training",
        "passes over the training pictures; 0 judges and keeps the weights as they are",
        "a whole number of at least 0, or auto",
    )
    batch: Auto | Count = setting(
        "auto", "training", "pictures per step", "a whole number of at least 1, or auto"
    )
    accumulate: Count = setting(
        1, "training", "batches added up before each step", "a whole number of at least 1"
    )
    lr: Auto | Positive = setting("auto", "training", "learning rate", "a number above 0, or auto")
    backbone_lr: Auto | NotNegative = setting(
        "auto", "training", "factor on lr for pretrained layers", "a number of at least 0, or auto"
    )
    optimizer: Literal[
        "auto", "SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta",
        "Muon",
    ] = setting(
        "auto", "training", "by its torch name; Muon is ours", "auto, " + ", ".join(OPTIMIZERS)
    )  # fmt: skip
    momentum: Annotated[float, Ge(0), Lt(1)] = setting(
        0.9, "training", "of SGD and RMSprop", "a number from 0 up to 1"
    )
    weight_decay: Auto | NotNegative = setting(
        "auto", "training", "not applied to biases and norms", "a number of at least 0, or auto"
    )
    schedule: Literal["auto", "constant", "step", "cosine", "one-cycle", "plateau", "linear"] = (
        setting("auto", "training", "how the learning rate moves", "auto, " + ", ".join(SCHEDULES))
    )
    warmup: Auto | NotNegative = setting(
        "auto",
        "training",
        "epochs in which the learning rate rises",
        "a number of at least 0, or auto",
    )
    loss: Literal["auto", "cross-entropy", "bce", "mse", "l1", "huber"] = setting(
        "auto", "training", "what is made small", "auto, cross-entropy, bce, mse, l1 or huber"
    )
    smoothing: Share = setting(
        0.0, "training", "label smoothing of cross entropy", "a number from 0 up to 1"
    )
    class_weights: Literal["none", "balanced"] = setting(
        "none", "training", "weigh rare classes up in the loss", "none or balanced"
    )
    clip: NotNegative = setting(
        0.0, "training", "largest gradient norm; 0 is off", "a number of at least 0"
    )
    patience: Natural = setting(
        0, "training", "stop after this many epochs without a better one; 0 is off",
        "a whole number of at least 0",
    )  # fmt: skip
    time_limit: NotNegative = setting(
        0.0,
        "training",
        "stop after about this many minutes, with the learning rate's curve ended; 0 is off",
        "a number of at least 0",
    )
    seed: Annotated[int, Ge(0), Lt(2**63)] = setting(
        0, "training", "of everything that is drawn", "a whole number of at least 0, below 2^63"
    )
    checks: Literal["fast", "full", "off"] = setting(
        "fast", "training", "what is checked before training", "fast, full or off"
    )
    allow: tuple[str, ...] = setting(
        (),
        "training",
        "a finding code that shall not stop the training; may be given again",
        "finding codes",
    )

    device: str = setting(
        "auto", "machine", "auto, cpu, cuda, cuda:1, mps", "auto, cpu, cuda, cuda:N or mps"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto", "machine", "arithmetic of the step", "auto, fp32, bf16 or fp16"
    )
    compile: Literal["auto", "on", "off"] = setting(
        "auto",
        "machine",
        "training steps through torch.compile; auto: where lamp bench --try has found that it pays",
        "auto, on or off",
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = setting(
        "auto",
        "machine",
        "how weights and pictures lie in memory; auto: channels last, if the network takes that",
        "auto, channels_last or contiguous",
    )
    workers: Auto | Natural = setting(
        "auto", "machine", "helpers that read pictures", "a whole number of at least 0, or auto"
    )
    deterministic: bool = setting(
        True,
        "machine",
        "on a GPU, operations that repeat exactly where torch has them; the others are named",
        "true or false",
    )
    stall_after: NotNegative = setting(
        120.0,
        "machine",
        "seconds without a batch after which it is said where the readers stand; 0 is off",
        "a number of at least 0",
    )

    out: str = setting("runs", "output", "folder that holds the runs", "a folder")
    name: str | None = setting(None, "output", "the run's name", "a folder name")
    tensorboard: bool = setting(True, "output", "write TensorBoard events", "true or false")
    save_every: NotNegative = setting(
        10.0, "output", "minutes between saves within an epoch; 0 is off", "a number of at least 0"
    )

    def with_changes(self, **changes: Any) -> Recipe:
        """A checked copy with some settings replaced.

        Raises:
            RecipeError: lists each wrong key and value.
        """
        return make_recipe({**dataclasses.asdict(self), **changes})


FIELDS: Mapping[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Recipe)}


def make_recipe(values: Mapping[str, Any], *, where: object = "") -> Recipe:
    """Checks values and returns a recipe.

    Args:
        values: setting → value; texts such as "3" are understood as numbers.
        where: the file they come from, for the error.

    Raises:
        RecipeError: lists every unknown key and every wrong value at once.
    """
    from pydantic import TypeAdapter, ValidationError

    values = {key.replace("-", "_"): value for key, value in values.items()}
    faults: dict[str, str] = {
        key: f"there is no such setting.{did_you_mean(key, FIELDS)}"
        for key in values
        if key not in FIELDS
    }
    known = {key: _unify(key, value) for key, value in values.items() if key in FIELDS}
    for key, value in known.items():
        if isinstance(value, bool) and not isinstance(FIELDS[key].default, bool):
            faults[key] = _wrong_value(key, value)  # pydantic would take True for 1
    try:
        recipe = TypeAdapter(Recipe).validate_python(known)
    except ValidationError as error:
        for fault in error.errors():
            key = str(fault["loc"][0])
            faults[key] = _wrong_value(key, known.get(key))
    if faults:
        raise RecipeError(
            sorted(faults.items()), where=where, fix="lamp train --help lists every setting"
        )
    return recipe


def _wrong_value(key: str, given: Any) -> str:
    expects = FIELDS[key].metadata["expects"]
    words = expects.replace(" or ", ", ").split(", ")
    near = did_you_mean(given, words) if isinstance(given, str) else ""
    shown = repr(given)
    return f"expected {expects}, got {shown if len(shown) <= 200 else shown[:197] + '...'}.{near}"


def _unify(key: str, value: Any) -> Any:
    """A path is a text; `adamw` and `AdamW` are the same word; a comma list of codes is several codes."""
    if isinstance(value, Path):
        return str(value)
    if key == "allow" and isinstance(value, str | list | tuple):
        given = [value] if isinstance(value, str) else value
        if all(isinstance(codes, str) for codes in given):
            return tuple(c.strip() for codes in given for c in codes.split(",") if c.strip())
    if key == "optimizer" and isinstance(value, str):
        return {name.lower(): name for name in OPTIMIZERS}.get(value.lower(), value)
    return value


def read_recipe(path: Path) -> dict[str, Any]:
    """The settings of a recipe file: what was asked, or the resolved values of a finished run.

    Args:
        path: a TOML file of flat `key = value` lines; the `[resolved]` table that a run folder's
            recipe.toml carries takes precedence, so that repeating a run repeats its choices.

    Raises:
        RecipeError: not there, no TOML, or a `[resolved]` that is no table.
    """
    try:
        # a path that is not UTF-8 was written as its bytes (see RunFolder.write_text)
        text = path.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        document = tomllib.loads(text.replace("\r\n", "\n"))
    except FileNotFoundError:
        raise RecipeError(
            [("recipe", "there is no such file")],
            where=path,
            fix="lamp train DATA --recipe speed, or --recipe FILE.toml such as a run's recipe.toml",
        ) from None
    except (OSError, RecursionError) as error:
        raise RecipeError(
            [("recipe", f"cannot be read: {error}")],
            where=path,
            fix="name a file that you may read, such as a run's recipe.toml",
        ) from error
    except ValueError as error:  # TOMLDecodeError, and numbers that Python will not convert
        raise RecipeError(
            [("recipe", f"is not TOML: {error}")],
            where=path,
            fix='its lines are like model = "resnet18" or epochs = 5; a run\'s recipe.toml is one',
        ) from error
    resolved = document.pop("resolved", {})
    document.pop("facts", None)
    if not isinstance(resolved, dict):
        raise RecipeError(
            [("resolved", f"expected a table, got {resolved!r}")],
            where=path,
            fix="remove that line: what a run resolved to stands below [resolved]",
        )
    return {**document, **resolved}


def write_toml(asked: Recipe, resolved: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The text of recipe.toml: what was asked on top, then what `auto` became, then facts.

    Args:
        asked: as the person gave it; settings left at their default are written too, so that the
            file means the same under another version's defaults.
        resolved: setting → value chosen for those that were `auto`.
        facts: figures that follow from both (steps per epoch, normalisation), for the reader.
    """
    lines = ["# What was asked. `lamp train --recipe THIS_FILE` repeats the run."]
    lines += toml_lines(dataclasses.asdict(asked))
    lines += ["", "[resolved]  # what was chosen where `auto` was asked; read again on repeat"]
    lines += toml_lines(resolved)
    lines += ["", "[facts]  # what followed; not read again"]
    lines += toml_lines(facts)
    return "\n".join(lines) + "\n"
