"""The lines that build the network again and give it the first values that the run gave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.errors import LamplighterError
from lamplighter.models import timm_nets, torchvision_nets
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.models.freeze import filters_of, parameter_groups
from lamplighter.models.network import Network
from lamplighter.models.small import SMALL
from lamplighter.models.weight_file import NEST_DEPTH, State, read_weights
from lamplighter.models.weights import OLD_NAMES, fit_weights
from lamplighter.recipe import Recipe

BY_SHAPE = "parameter.dim() > 1"
BY_NAME = 'parameter.dim() > 1 and "bias" not in name'
INITS = {
    "xavier": "nn.init.xavier_uniform_(layer.weight)",
    "kaiming": 'nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")',
    "normal": "nn.init.normal_(layer.weight, mean=0.0, std=0.01)",
}


LAZY = (
    "if any(nn.parameter.is_lazy(p) for p in net.parameters()):  # sizes by a first picture",
    "    net.eval()(torch.zeros(1, CHANNELS, SIZE, SIZE))",
)


@dataclass(frozen=True)
class Built:
    """A network as code.

    Args:
        kind: the name of a network of ours, which the file writes out; else its source.
        lines: of `main`, up to the network with its first values.
        head: names of the modules that form its head.
        outputs: how many numbers it gives, as code.
        decays: a condition on `name` and `parameter`: weight decay applies.
        filters_by_shape: whether all that has more than one dimension outside the head is a filter
            or a matrix, as the optimizer Muon wants to know.
        imports: what the lines need besides torch.
        notes: what has to be there to run the file.
        reasons: why the first values may differ from the run's.
    """

    kind: str
    lines: tuple[str, ...]
    head: tuple[str, ...]
    outputs: str
    decays: str = BY_SHAPE
    filters_by_shape: bool = False
    imports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def literal(text: str) -> str:
    """A text as Python writes it, in double quotes where that needs no escapes."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def network_of(architecture: Architecture, recipe: Recipe, task: str) -> Built:
    """The network of a run as code, its weights loaded as they were."""
    outputs = "1" if task == "regression" else "len(CLASSES)"
    if architecture.source == "own":
        return _own(architecture, recipe, outputs)
    module = _made(architecture)
    if architecture.source == "timm":
        head = timm_nets.head_of(module)
    elif architecture.source == "lamplighter":
        head = SMALL[architecture.name].head
    else:
        head = torchvision_nets.head_of(module, architecture.outputs)
    weights = _weights(architecture, recipe, module, head)
    built = _build_lines(architecture, recipe, module, outputs)
    lines = [*weights.before, "torch.manual_seed(SEED)", *built]
    lines += [*weights.after, *_init_lines(recipe.init, loaded=bool(weights.after))]
    network = Network(module, architecture, head)
    decays, reasons = _decays(network)
    return Built(
        kind=architecture.name if architecture.source == "lamplighter" else architecture.source,
        lines=tuple(lines if weights.after else (*lines, *_whitening_lines(architecture))),
        head=head,
        outputs=outputs,
        decays=decays,
        filters_by_shape=_are_filters_by_shape(network),
        reasons=(*weights.reasons, *reasons),
    )


def _made(architecture: Architecture) -> nn.Module:
    try:
        with torch.device("meta"):  # shapes and names alone: no memory, no time
            return rebuild(architecture)
    except (RuntimeError, NotImplementedError, LamplighterError):
        return rebuild(architecture)  # some builders look at a figure, which meta tensors have not


def _decays(network: Network) -> tuple[str, tuple[str, ...]]:
    """The simplest condition that parts this network's parameters as the run did, or why none does."""
    groups = parameter_groups(network, 1.0, weight_decay=1.0)
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    named = list(network.module.named_parameters())
    if all((p.dim() > 1) == (id(p) in decayed) for _, p in named):
        return BY_SHAPE, ()
    if all((p.dim() > 1 and "bias" not in name) == (id(p) in decayed) for name, p in named):
        return BY_NAME, ()
    return BY_NAME, ("weight decay reaches a few other norms and biases than in the run",)


def _are_filters_by_shape(network: Network) -> bool:
    found = filters_of(network)
    heads = tuple(f"{name}." for name in network.head)
    return all(
        (p.dim() > 1 and not name.startswith(heads)) == (id(p) in found)
        for name, p in network.module.named_parameters()
    )


def _whitening_lines(architecture: Architecture) -> tuple[str, ...]:
    """Finding the first layer's filters in evenly spaced training pictures."""
    if architecture.name != "speed_net":
        return ()
    return (
        "some = torch.linspace(0, len(train_set) - 1, min(len(train_set), 4096)).long().tolist()",
        "images = torch.stack([train_set[number][0] for number in some])",
        "net.whitening.whiten(normalised(images.to(DEVICE)))",
    )


def small_lines(architecture: Architecture, outputs: str) -> list[str]:
    """The small networks, put together from plain layers under the names of their parts."""
    if architecture.name == "speed_net":
        return [f"net = SpeedNet({outputs})"]
    if architecture.name == "small_resnet":
        return [
            "# a residual network (He et al. 2015) for small pictures",
            "conv = nn.Conv2d(CHANNELS, 32, 3, 1, 1, bias=False)",
            "blocks = [Block(32, 32, 1), Block(32, 64, 2), Block(64, 128, 2), Block(128, 256, 2)]",
            'parts = {"stem": nn.Sequential(conv, nn.BatchNorm2d(32), nn.ReLU())}',
            'parts |= {"stages": nn.Sequential(*blocks), "average": nn.AdaptiveAvgPool2d(1)}',
            f'parts |= {{"flatten": nn.Flatten(), "head": nn.Linear(256, {outputs})}}',
            "net = nn.Sequential(OrderedDict(parts))",
            "for layer in net.modules():",
            "    if isinstance(layer, nn.Conv2d):",
            '        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")',
            "    elif isinstance(layer, Block):  # each begins as its own short cut",
            "        nn.init.zeros_(layer.norm2.weight)",
        ]
    relu = architecture.options.get("activation") == "relu"
    size = int(architecture.options.get("size", SMALL["tutorial_cnn"].size or 32))
    lines = ["layers = []", "for ins, outs in ((CHANNELS, 32), (32, 32), (32, 64)):"]
    between = "nn.ReLU(), " if relu else ""
    return [
        "# three 5×5 convolutions, each followed by pooling, then two linear layers",
        *lines,
        f"    layers += [nn.Conv2d(ins, outs, 5, padding=2), {between}nn.MaxPool2d(2)]",
        'parts = {"features": nn.Sequential(*layers), "flatten": nn.Flatten()}',
        f'parts |= {{"hidden": nn.Linear({64 * (size // 8) ** 2}, 64), "activation": nn.{"ReLU" if relu else "Identity"}()}}',
        f'net = nn.Sequential(OrderedDict(parts | {{"head": nn.Linear(64, {outputs})}}))',
    ]


def _build_lines(
    architecture: Architecture, recipe: Recipe, module: nn.Module, outputs: str
) -> list[str]:
    name = architecture.name
    if architecture.source == "lamplighter":
        return small_lines(architecture, outputs)
    if architecture.source == "timm":
        pretrained = ", pretrained=True" if recipe.weights == "default" else ""
        shape = f'{{"num_classes": {outputs}, "in_chans": CHANNELS}}'
        return [
            f"shape = {shape}",
            f"net = timm.create_model({literal(name)}{pretrained}, **shape)",
        ]
    settings, lines = f"num_classes={outputs}", []
    if name in torchvision_nets.WITH_AUXILIARY:
        lines = ['plain = {"aux_logits": False, "init_weights": True, "transform_input": False}']
        settings += ", **plain"
    if size := architecture.options.get("size"):
        settings += f", image_size={size}" if name.startswith("vit_") else f", input_size=({size}, {size})"  # fmt: skip
    lines.append(f"net = models.{name}({settings})")
    if architecture.channels != 3:
        lines.append(f"{_first(module)} = {_convolution(module)}")
    return lines


def _first(module: nn.Module) -> str:
    """The first convolution as an expression: net.features[0][0]."""
    path, _ = torchvision_nets.first_convolution(module)
    return "net" + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in path.split("."))


def _convolution(module: nn.Module) -> str:
    _, layer = torchvision_nets.first_convolution(module)
    figures = [str(layer.out_channels)]
    for key, usual in (("kernel_size", None), ("stride", 1), ("padding", 0), ("dilation", 1)):
        value: Any = getattr(layer, key)
        one = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
        if one != usual:
            figures.append(f"{one}" if key == "kernel_size" else f"{key}={one}")
    bias = "" if layer.bias is not None else ", bias=False"
    return f"nn.Conv2d(CHANNELS, {', '.join(figures)}{bias})"


def _init_lines(init: str, *, loaded: bool, own: bool = False) -> list[str]:
    if init == "default":
        return []
    kinds = "nn.Linear, nn.modules.conv._ConvNd" if own else "nn.Linear, nn.Conv2d"
    fresh = ' and f"{name}.weight" not in state' if loaded else ""
    return [
        "for name, layer in net.named_modules():" if loaded else "for layer in net.modules():",
        f"    if isinstance(layer, ({kinds})){fresh}:",
        f"        {INITS[init]}",
        "        if layer.bias is not None:",
        "            nn.init.zeros_(layer.bias)",
    ]


@dataclass(frozen=True)
class _Weights:
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


LOAD = (
    "own = net.state_dict()",
    "state = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}",
    "net.load_state_dict(state, strict=False)  # what does not fit, such as the head, stays new",
)
FIRST = "# before the seed: what is drawn while these are made does not count"


def _weights(
    architecture: Architecture, recipe: Recipe, module: nn.Module, head: tuple[str, ...]
) -> _Weights:
    """The lines that read loaded weights, and those that put them into the network."""
    if recipe.weights in ("none", "auto"):
        return _Weights()
    if recipe.weights == "default":
        if architecture.source == "timm":
            return _Weights()
        read = f'state = models.{architecture.name}(weights="DEFAULT").state_dict()  # downloads'
        lines = [FIRST, read]
        if architecture.channels != 3:
            lines.extend(_summed(torchvision_nets.first_convolution(module)[0]))
        if _is_stretched(architecture, torchvision_nets.fixed_size_of(architecture.name, {})):
            lines.append(_stretched(architecture))
        return _Weights(tuple(lines), LOAD)
    path = Path(recipe.weights).expanduser().absolute()
    try:
        state = read_weights(path)
    except LamplighterError as error:
        reason = f"the weights cannot be looked at now: {error.message}"
        return _Weights(tuple(_read_lines(path)), LOAD, (reason,))
    return _from_file(architecture, path, state, rebuild(architecture), head)


def _from_file(
    architecture: Architecture, path: Path, state: State, module: nn.Module, head: tuple[str, ...]
) -> _Weights:
    """Reading a file as the run did: its nest opened, its prefix taken off, its colours summed."""
    lines = _read_lines(path, _nest(path, state))
    own = module.state_dict()
    prefix = _prefix(state, own)
    if prefix:
        lines.append(f"state = {{k.removeprefix({literal(prefix)}): v for k, v in state.items()}}")
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    old = any(pattern.search(key) and key not in own for key in state for pattern, _ in OLD_NAMES)
    first, layer = torchvision_nets.first_convolution(module)
    key = f"{first}.weight"
    if key in state and state[key].shape[1:2] == (3,) and layer.in_channels != 3:
        lines.extend(_summed(first))
    positions = state.get("encoder.pos_embedding")
    if positions is not None and positions.shape != own["encoder.pos_embedding"].shape:
        lines.append(_stretched(architecture))
        from torchvision.models.vision_transformer import interpolate_embeddings

        patch = int(architecture.name.rsplit("_", 1)[1])
        size = int(architecture.options["size"])
        state = dict(interpolate_embeddings(size, patch, dict(state)))
    fitted = fit_weights(module, state, head=head, where=path)
    here = {k for k, v in state.items() if k in own and v.shape == own[k].shape}
    here |= {key} if _summed(first)[0] in lines else set()
    reasons: tuple[str, ...] = ()
    if old or set(fitted.loaded) != here:
        reasons = ("the weights have names of an older torchvision, which Lamplighter translates",)
    return _Weights(tuple(lines), LOAD, reasons)


def _read_lines(path: Path, nest: tuple[str, ...] = ()) -> list[str]:
    named = f"weights = {literal(str(path))}"
    if path.suffix == ".safetensors":
        return [named, "state = load_file(weights)"]
    inner = "".join(f"[{literal(key)}]" for key in nest)
    return [named, f'state = torch.load(weights, map_location="cpu", weights_only=True){inner}']


def _nest(path: Path, state: State) -> tuple[str, ...]:
    """Under which keys of the file the state dict lies."""
    if path.suffix == ".safetensors":
        return ()
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    waiting: list[tuple[tuple[str, ...], Any]] = [((), loaded)]
    while waiting:
        keys, here = waiting.pop(0)
        if not isinstance(here, Mapping) or len(keys) > NEST_DEPTH:
            continue
        if all(isinstance(here.get(key), Tensor) for key in state):
            return keys
        waiting += [((*keys, str(key)), value) for key, value in here.items()]
    return ()


def _prefix(state: State, own: State) -> str:
    """What stands before the names of most tensors that the network has."""
    found: Counter[str] = Counter()
    for key in state:
        parts = key.split(".")
        for cut in range(min(4, len(parts))):
            if ".".join(parts[cut:]) in own:
                found["".join(f"{part}." for part in parts[:cut])] += 1
                break
    return found.most_common(1)[0][0] if found else ""


def _summed(first: str) -> list[str]:
    return [
        f"key = {literal(f'{first}.weight')}",
        "state[key] = state[key].sum(1, keepdim=True)  # the kernels of red, green and blue",
    ]


def _is_stretched(architecture: Architecture, made_for: int | None) -> bool:
    size = architecture.options.get("size")
    return architecture.name.startswith("vit_") and size is not None and size != made_for


def _stretched(architecture: Architecture) -> str:
    patch = int(architecture.name.rsplit("_", 1)[1])
    return f"state = interpolate_embeddings(SIZE, {patch}, state)  # positions for another size"


def _own(architecture: Architecture, recipe: Recipe, outputs: str) -> Built:
    """The user's own class, by import; nothing of theirs is run here."""
    module, _, name = architecture.name.partition(":")
    called_with = architecture.options.get("called_with", "nothing")
    arguments = "" if called_with == "nothing" else f"{called_with}={outputs}"
    lines = ["random.seed(SEED)", "np.random.seed(SEED % 2**32)", "torch.manual_seed(SEED)"]
    ready_made = called_with == "as it is"
    bring = f"from {module} import {name.partition('.')[0]}"
    if ready_made:  # its numbers are drawn when its file is imported
        lines.append(f"{bring}  # noqa: E402  after the seed, which its first values come from")
    lines.append(f"net = {name}" + ("" if ready_made else f"({arguments})"))
    reasons: list[str] = []
    loaded = recipe.weights not in ("none", "auto")
    if loaded:
        path = Path(recipe.weights).expanduser().absolute()
        lines = [*_read_lines(path), *lines, *LOAD]
        reasons.append("the names of the weights were not compared with those of your own network")
    if recipe.init != "default":
        lines += _init_lines(recipe.init, loaded=loaded, own=True)
    lines += LAZY
    if recipe.freeze != "none" or recipe.backbone_lr != 1:
        reasons.append("which layer of your own network is its head was not looked up")
    return Built(
        kind="own",
        lines=tuple(lines),
        head=(),
        outputs=outputs,
        decays=BY_NAME,
        imports=() if ready_made else (bring,),
        notes=(
            f"It imports your own {module}: run it where Python finds that module. Auxiliary heads, if "
            "the network has them, are not trained.",
        ),
        reasons=tuple(reasons),
    )
