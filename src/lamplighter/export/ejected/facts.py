"""What the template of the ejected file asks for: every choice of the run as code or as a flag."""

from __future__ import annotations

from typing import Any

from lamplighter.artifact import Artifact
from lamplighter.export.ejected.head import WIDTH
from lamplighter.export.ejected.network import Built, literal
from lamplighter.export.ejected.past import Origin, Past
from lamplighter.export.ejected.speed import OPTIMIZER, muon_constants, muon_facts, speed_facts
from lamplighter.images.augment import Augment, policy
from lamplighter.images.preprocess import Preprocess
from lamplighter.recipe import Recipe
from lamplighter.tasks.task import TASKS

HELD = (
    4 << 30
)  # bytes of decoded pictures that the file keeps in memory; above, it decodes each epoch
FUSED = ("SGD", "Adam", "AdamW", "Adagrad")


def facts_of(
    past: Past, artifact: Artifact, origin: Origin, network: Built, *, exact: bool, brief: bool
) -> dict[str, Any]:
    """Everything that the template asks for.

    Args:
        exact: whether pictures are varied as Lamplighter varies them; else by torchvision's own
            transforms, which need fewer lines and draw other numbers.
        brief: settings side by side instead of one below the other.
    """
    recipe, task, preprocess = past.recipe, artifact.task, artifact.preprocess
    assert preprocess is not None
    aug = policy(recipe.augment, preprocess.size)
    return {
        **_source_facts(origin),
        "threads": int(past.environment.get("threads") or 1),
        "task": task,
        "memory_format": "contiguous_format"
        if recipe.memory_format == "contiguous"
        else "channels_last",
        "exact": exact,
        **_picture_facts(preprocess, aug, sum(origin.counts.values()), recipe.device),
        **_example_facts(preprocess, aug, exact=exact, focus=recipe.focus != 1),
        "set_lines": _set_lines(preprocess, aug, origin, exact=exact),
        **_network_facts(network),
        **speed_facts(artifact.architecture, recipe),
        **_training_facts(recipe, network, brief=brief),
        **_loss_facts(recipe, task),
        **FIGURES[task],
    }


def _source_facts(origin: Origin) -> dict[str, Any]:
    helped = {"files": "where the paths in the table start", "torchvision": "the data set's folder"}
    return {
        "kind": origin.kind,
        "root": literal(origin.root),
        "root_help": helped.get(origin.kind, ""),
        "set_class": origin.set_class,
        "set_name": origin.name,
        "set_part": "part" if origin.set_class == "SVHN" else 'part == "train"',
        "own_data": origin.name.rpartition(":")[2],
        "wide": origin.wide,
        "transparent": origin.transparent,
        "split_file": literal(origin.split_file),
        "surrogates": origin.surrogates,
        "splits": tuple(origin.counts),
    }


def _picture_facts(preprocess: Preprocess, aug: Augment, count: int, device: str) -> dict[str, Any]:
    side = preprocess.resize if aug.crop == "resized" else preprocess.size
    return {
        "held": count * preprocess.channels * side**2 < HELD,
        "size": preprocess.size,
        "channels": preprocess.channels,
        "resize": preprocess.resize,
        "fit": preprocess.fit,
        "statistics": [list(preprocess.mean), list(preprocess.std)],
        "eval_batch": preprocess.inference_batch(device.partition(":")[0]),
        "resampling": _resampling(preprocess),
        "colour": '.convert("RGB")' if preprocess.channels == 3 else '.convert("RGB").convert("L")',
        "aug": aug,
        "augmented": not aug.changes_nothing,
        "jitter_low": 1 - aug.jitter,
        "jitter_span": (1 + aug.jitter) - (1 - aug.jitter),
        "area_low": aug.scale[0],
        "area_span": aug.scale[1] - aug.scale[0],
    }


def _example_facts(
    preprocess: Preprocess, aug: Augment, *, exact: bool, focus: bool
) -> dict[str, Any]:
    """What an example and a batch hold, in words and in code."""
    aspects = exact and aug.crop == "resized" and preprocess.fit == "crop"
    kinds = (("box", aug.crop == "resized"), ("shift", aug.crop == "shift"), ("flip", aug.flip))
    drawn = [name for name, used in (*kinds, ("jitter", aug.jitter), ("blank", aug.erase)) if used]
    words, unpacked = ["pixels", "target"], ["images", "targets"]
    if exact and (drawn or focus):
        words, unpacked = [*words, "number"], [*unpacked, "numbers"]
    if aspects:
        words, unpacked = [*words, "width / height"], [*unpacked, "aspects"]
    return {
        "aspects": aspects,
        "drawn": ", ".join(drawn),
        "draws": ", ".join(drawn) + ("," if len(drawn) == 1 else ""),
        "example_words": ", ".join(words),
        "unpacked": ", ".join(unpacked),
    }


def _resampling(preprocess: Preprocess) -> str:
    return f"Image.Resampling.{preprocess.interpolation.upper()}"


def _set_lines(preprocess: Preprocess, aug: Augment, origin: Origin, *, exact: bool) -> list[str]:
    """How pictures become squares, and how the splits are opened."""
    how = f", {_resampling(preprocess)}" if preprocess.interpolation != "bilinear" else ""
    side = preprocess.resize
    squares = {
        "crop": f"v2.Resize({side}{how}), v2.CenterCrop(SIZE)",
        "squash": f"v2.Resize((SIZE, SIZE){how})",
        "pad": "padded",
    }
    lines = [f"square = v2.Compose([{squares[preprocess.fit]}, v2.PILToTensor()])"]
    if preprocess.fit == "pad" and not exact:
        fill = f'{{"method": {_resampling(preprocess)}, "color": (128,) * CHANNELS}}'
        lines = [
            f"fill = {fill}",
            "padded = partial(ImageOps.pad, size=(SIZE, SIZE), **fill)",
            *lines,
        ]
    if aug.crop == "resized":
        whole = f"v2.Resize(({side}, {side}){how})"
        if preprocess.fit == "pad":
            whole = f"partial(padded, {f'side={side}' if exact else f'size=({side}, {side})'})"
        lines.append(f"whole = v2.Compose([{whole}, v2.PILToTensor()])  # squashed; cut later")
    if not exact and not aug.changes_nothing:
        lines += _variation(aug)
    lines.append(f'train_set = Pictures("train", {"whole" if aug.crop == "resized" else "square"})')
    return lines + (['val_set = Pictures("val", square)'] if "val" in origin.counts else [])


def _variation(aug: Augment) -> list[str]:
    """The policy in torchvision's own transforms, one picture at a time."""
    crops = {
        "none": [],
        "shift": [f"v2.RandomCrop(SIZE, {aug.border})"],
        "resized": [f"v2.RandomResizedCrop(SIZE, {aug.scale})"],
    }
    moved = ", ".join(crops[aug.crop] + (["v2.RandomHorizontalFlip()"] if aug.flip else []))
    if not aug.jitter:
        return [f"variation = v2.Compose([{moved}])"]
    colours = f"v2.ColorJitter({aug.jitter}, {aug.jitter}, {aug.jitter})"
    return [
        f"moves = [{moved}]",
        f"variation = v2.Compose([*moves, {colours}, v2.RandomErasing({aug.erase})])",
    ]


def _network_facts(network: Built) -> dict[str, Any]:
    return {
        "network": network.kind,
        "network_lines": network.lines,
        "head_names": _heads(network),
    }


def _heads(network: Built) -> str:
    heads = ", ".join(literal(f"{name}.") for name in network.head)
    return f"({heads})" if len(network.head) > 1 else heads


def _training_facts(recipe: Recipe, network: Built, *, brief: bool) -> dict[str, Any]:
    warmup = 0.0 if recipe.schedule == "one-cycle" else float(recipe.warmup)
    moves = recipe.schedule != "constant" or warmup > 0
    factor = float(recipe.backbone_lr) if network.head else 1.0
    constants = _constants(recipe, network, factor, warmup, moves=moves)
    return {
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "batch": recipe.batch,
        "accumulate": recipe.accumulate,
        "patience": recipe.patience,
        "device": recipe.device,
        "schedule": recipe.schedule,
        "warmup": warmup,
        "moves": moves,
        "rate_lines": RATES[recipe.schedule, warmup > 0],
        "needs_steps": warmup > 0 or recipe.schedule not in ("constant", "plateau"),
        "per_epoch": f"-(-seen // {'(BATCH * ACCUMULATE)' if recipe.accumulate > 1 else 'BATCH'})",
        "freeze": recipe.freeze if network.head else "none",
        "tensorboard": recipe.tensorboard,
        "constants": _side_by_side(constants) if brief else constants,
        **_optimizer_facts(recipe, network, factor, moves=moves),
        **_precision_facts(recipe),
    }


def _constants(
    recipe: Recipe, network: Built, factor: float, warmup: float, *, moves: bool
) -> list[str]:
    lines = [f"LR = {recipe.lr}" + ("  # the highest; it moves" if moves else "")]
    if factor != 1:
        lines.append(
            f"BACKBONE = {factor}  # of LR, for all but the new head: it needs to change little"
        )
    if recipe.weight_decay:
        lines.append(f"WEIGHT_DECAY = {recipe.weight_decay}")
    if recipe.optimizer == OPTIMIZER:
        lines += muon_constants(recipe, network)
    if recipe.grow_from != 1:
        lines.append(f"GROW = {recipe.grow_from}  # share of the side that the first epoch sees")
    if recipe.focus != 1:
        lines.append(f"FOCUS = {recipe.focus}  # share of the pictures that later epochs show")
    if warmup:
        lines.append(f"WARMUP = {warmup}  # epochs in which the learning rate rises")
    if recipe.accumulate > 1:
        lines.append(f"ACCUMULATE = {recipe.accumulate}  # batches whose gradients make one step")
    if recipe.clip:
        lines.append(f"CLIP = {recipe.clip}  # a longer gradient is cut to this length")
    if recipe.patience:
        lines.append(f"PATIENCE = {recipe.patience}  # epochs without a better one before it ends")
    return lines


RISE = ("if step < warmup:", "    factor = (step + 1) / (warmup + 1)")


def _side_by_side(lines: list[str]) -> list[str]:
    """A = 1 and B = 2 as A, B = 1, 2, in as few lines as the width allows."""
    pairs = [line.split("  #")[0].split(" = ") for line in lines]
    made: list[str] = []
    start = 0
    for stop in range(1, len(pairs) + 1):
        names, values = zip(*pairs[start:stop], strict=True)
        line = f"{', '.join(names)} = {', '.join(values)}"
        if len(line) > WIDTH and stop - start > 1:
            start = stop - 1
            line = " = ".join(pairs[start])
        else:
            made = made[:-1] if stop - start > 1 else made
        made.append(line)
    return made


WITH_WARMUP = "done = (step - warmup) / (EPOCHS * per_epoch - warmup)  # share of the training"
WITHOUT = "done = step / (EPOCHS * per_epoch)  # share of the training"
CURVES = {
    "linear": "1.0 - done",
    "cosine": "0.5 * (1 + math.cos(math.pi * done))",
    "step": "1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01",
}
# lines that set `factor`, the share of the highest learning rate, before a step; by (name, warm-up)
RATES: dict[tuple[str, bool], list[str]] = {
    ("constant", False): [],
    ("constant", True): ["factor = min(1.0, (step + 1) / (warmup + 1))"],
    ("plateau", False): ["factor = level"],
    ("plateau", True): ["factor = level", *RISE],
    ("one-cycle", False): [
        "done = step / (EPOCHS * per_epoch)  # one cycle: up in the first 30 %, then down",
        "angle = math.pi * done / 0.3 if done < 0.3 else math.pi * (done - 0.3) / 0.7",
        "low, wave = 0.04 if done < 0.3 else 4e-6, 1 + math.cos(angle)",
        "factor = 1 + (low - 1) * wave / 2 if done < 0.3 else low + (1 - low) * wave / 2",
    ],
    **{(name, False): [WITHOUT, f"factor = {curve}"] for name, curve in CURVES.items()},
    **{(name, True): [WITH_WARMUP, f"factor = {curve}", *RISE] for name, curve in CURVES.items()},
}


def _optimizer_facts(
    recipe: Recipe, network: Built, factor: float, *, moves: bool
) -> dict[str, Any]:
    if recipe.optimizer == OPTIMIZER:
        return muon_facts(recipe, network, factor, moves=moves)
    arguments = ""
    if recipe.optimizer == "SGD":
        arguments += f", momentum={recipe.momentum}" + (
            ", nesterov=True" if recipe.momentum else ""
        )
    if recipe.optimizer == "RMSprop":
        arguments += f", momentum={recipe.momentum}"
    if recipe.optimizer in FUSED and recipe.device.startswith(("cpu", "cuda")):
        arguments += ", fused=True"
    plain = not recipe.weight_decay and factor == 1
    if plain and recipe.optimizer == "AdamW":
        arguments = f", weight_decay=0.0{arguments}"  # torch's own default is another
    rate, decay = "rate" if factor != 1 else "LR", "decay" if recipe.weight_decay else "0.0"
    lines = []
    if factor != 1:
        lines.append(f"rate = LR if name.startswith({_heads(network)}) else LR * BACKBONE")
    if recipe.weight_decay:
        said = "" if "name" in network.decays else "  # not on biases and norms"
        lines.append(f"decay = WEIGHT_DECAY if {network.decays} else 0.0{said}")
    peak = f', "peak": {rate}' if moves else ""
    lines.append(f'group = {{"params": [], "lr": {rate}{peak}, "weight_decay": {decay}}}')
    return {
        "bank_lines": [],
        "product_lines": [],
        "simple_groups": plain,
        "names_matter": factor != 1 or "name" in network.decays,
        "group_lines": lines,
        "group_key": f"({rate}, {decay})",
        "optimizer": f"torch.optim.{recipe.optimizer}",
        "optimizer_arguments": arguments,
    }


def _precision_facts(recipe: Recipe) -> dict[str, Any]:
    fp16 = recipe.precision == "fp16"
    lines = []
    if fp16 and recipe.clip:
        lines.append("scaler.unscale_(optimizer)  # what is cut must be the true gradient")
    if recipe.clip:
        lines.append("nn.utils.clip_grad_norm_(net.parameters(), CLIP)")
    lines += ["scaler.step(optimizer)", "scaler.update()"] if fp16 else ["optimizer.step()"]
    lines += ["optimizer.zero_grad()", "step += 1"]
    return {
        "fp16": fp16,
        "autocast": {"bf16": "torch.bfloat16", "fp16": "torch.float16"}.get(recipe.precision, ""),
        "step_lines": lines,
    }


def _loss_facts(recipe: Recipe, task: str) -> dict[str, Any]:
    name = TASKS[task].loss_named(recipe.loss)
    balanced = recipe.class_weights == "balanced" and task != "regression"
    arguments = []
    if balanced:
        arguments.append("weight=weights" if name == "cross-entropy" else "pos_weight=weights")
    if recipe.smoothing and name == "cross-entropy":
        arguments.append(f"label_smoothing={recipe.smoothing}")
    losses = {
        "cross-entropy": "CrossEntropyLoss", "bce": "BCEWithLogitsLoss", "mse": "MSELoss",
        "l1": "L1Loss", "huber": "HuberLoss",
    }  # fmt: skip
    metric = f'row["val_{TASKS[task].metric}"]'
    return {
        "class_weights": balanced,
        "criterion": f"nn.{losses[name]}({', '.join(arguments)})",
        "score": f'({metric if TASKS[task].higher_is_better else f"-{metric}"}, -row["val_loss"])',
    }


# how batches are counted: once in the training and once in `evaluate`
FIGURES: dict[str, dict[str, Any]] = {
    "classification": {
        "target": 'CLASSES.index(row["class"])',
        "sums": "total, right = 0.0, 0",
        "count_lines": [
            "total += loss.item() * len(targets)",
            "right += (outputs.argmax(dim=1) == targets).sum().item()",
        ],
        "told": '{"loss": total / len(examples), "accuracy": right / len(examples)}',
        "train_told": '"train_loss": total / seen, "train_accuracy": right / seen',
    },
    **{
        task: {
            "target": "target",
            "sums": f"sums = torch.zeros({count}, dtype=torch.float64)",
            "count_lines": ["sums += counted(outputs, targets, loss)"],
            "told": "figures(sums)",
            "train_told": '**{f"train_{k}": v for k, v in figures(sums).items()}',
        }
        for task, count in (("multilabel", 5), ("regression", 6))
    },
}
