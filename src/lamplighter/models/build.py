"""A name → a network that fits the data; a description → the same shape again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lamplighter import named
from lamplighter.errors import ModelError, UnknownName, UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import undisturbed
from lamplighter.models import timm_nets, torchvision_nets
from lamplighter.models.architecture import Architecture, Option, known_options
from lamplighter.models.copying import copied
from lamplighter.models.download import default_state
from lamplighter.models.initialise import INITIALISATIONS, initialise
from lamplighter.models.network import Network, Wants
from lamplighter.models.own import already_imported, make_own
from lamplighter.models.small import SMALL
from lamplighter.models.weight_file import State, read_weights
from lamplighter.models.weights import fit_weights

__all__ = ["Network", "Wants", "build", "find", "rebuild"]


def find(name: str) -> tuple[str, str]:
    """Which source a network's name belongs to.

    Args:
        name: a torchvision or Lamplighter name in any case, `timm:NAME` or `package.module:name`.

    Returns:
        Source and the name as the source writes it.

    Raises:
        UnknownName: no table has it.
    """
    if name.lower().startswith(timm_nets.PREFIX):
        return "timm", name[len(timm_nets.PREFIX) :]
    if named.looks_named(name):
        return "own", name
    lowered = name.lower()
    if lowered in SMALL:
        return "lamplighter", lowered
    if lowered in torchvision_nets.classifier_names():
        return "torchvision", lowered
    known = (*SMALL, *torchvision_nets.classifier_names())
    raise UnknownName(
        "network",
        name,
        known,
        where="--model",
        fix="lamp models lists all; your own is named package.module:Class",
    )


def build(
    name: str,
    outputs: int,
    *,
    channels: int = 3,
    weights: str | Path = "none",
    init: str = "default",
    options: Mapping[str, Option] | None = None,
    listener: Listener = SILENT,
) -> Network:
    """Builds a network whose head gives `outputs` numbers per picture.

    Args:
        name: torchvision classifier (any case), "tutorial_cnn", "small_resnet", "timm:NAME" or
            "package.module:Class".
        outputs: classes, 1 or more.
        channels: planes per picture: 3 for colour, 1 for grey.
        weights: "none", "default" (the published ones, fetched when missing) or a file.
        init: first values of layers without loaded weights: "default", "xavier", "kaiming",
            "normal".
        options: what the network's own builder takes, such as {"activation": "relu"}.
        listener: hears what was chosen and what did not fit.

    Raises:
        UsageError: an unknown name, option or initialisation.
        ModelError: the network cannot be built or the weights do not fit.
    """
    if outputs < 1 or channels < 1:
        raise UsageError(
            f"a network needs 1 output and 1 channel or more, got {outputs}, {channels}",
            fix="outputs is the number of classes; channels 3 for colour, 1 for grey",
        )
    if init not in INITIALISATIONS:
        raise UnknownName(
            "initialisation", init, INITIALISATIONS, where="--init", fix="--init default"
        )
    source, key = find(name)
    asked = _checked(source, key, dict(options or {}))
    network = _made(Architecture(source, key, outputs, channels, asked), str(weights), listener)
    loaded = _load(network, str(weights), listener)
    initialise(network.module, init, skip=loaded, listener=listener)
    return network


def rebuild(architecture: Architecture, own: Any = None) -> nn.Module:
    """Builds an untrained module of exactly the described shape; fetches and imports nothing.

    Args:
        architecture: as recorded in an artifact.
        own: for source "own", the class, function or instance, resolved by the caller because the
            user named it.

    Raises:
        ModelError: an own class that is neither given nor imported already.
    """
    name, outputs, channels = architecture.name, architecture.outputs, architecture.channels
    options = architecture.options
    # first values are overwritten by the caller, so they must not move the caller's random numbers
    with torch.random.fork_rng(devices=[]):
        if architecture.source == "torchvision":
            return torchvision_nets.make(name, outputs, channels, options)
        if architecture.source == "lamplighter":
            return SMALL[name].make(outputs, channels=channels, **options)
        if architecture.source == "timm":
            return timm_nets.make(name, outputs, channels)
        alone = options.get("called_with") != "as it is"
        if not alone and (own is None or isinstance(own, type)):
            raise ModelError(
                f"the network was handed over as an instance that {name} alone does not make; expected "
                "one that is made in the same way",
                where=name,
                fix="lamp.load(path, own=instance), or name a function that returns one: --own mynets:make",
            )
        thing = own if own is not None else already_imported(name)
        if thing is None:
            raise ModelError(
                f"the model was made from your own class {name}, which is not at hand here; a file "
                "may not decide what is imported",
                where=name,
                fix=f"pass --own {name} (in the folder that holds it) or lamp.load(path, own=Class)",
            )
        return make_own(thing, name, outputs)[0]


def _checked(source: str, name: str, options: dict[str, Option]) -> dict[str, Option]:
    known = known_options(source, name)
    if source == "own":
        known = {}
    for key, value in options.items():
        if key not in known:
            fix = f"it takes: {', '.join(known)}" if known else "it takes none"
            raise UnknownName(f"option of {name}", key, known, where="options", fix=fix)
        allowed = known[key]
        if isinstance(allowed, type):
            fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
            wanted = "a whole number of pixels"
        elif isinstance(allowed, re.Pattern):
            fits = isinstance(value, str) and allowed.fullmatch(value) is not None
            wanted = f"a text of the form {allowed.pattern}"
        else:
            fits, wanted = value in allowed, " or ".join(map(str, allowed))
        if not fits:
            raise UsageError(
                f"expected {wanted}, got {value!r}",
                where=f"{name} option {key}",
                fix=f"leave {key} out to have the network's own",
            )
    return options


def _made(architecture: Architecture, weights: str, listener: Listener) -> Network:
    if architecture.source == "timm":
        return _timm(architecture, weights, listener)
    makers = {"torchvision": _torchvision, "lamplighter": _lamplighter, "own": _own}
    return makers[architecture.source](architecture, weights)


def _torchvision(architecture: Architecture, weights: str) -> Network:
    name, options = architecture.name, dict(architecture.options)
    wants = Wants()
    if weights != "none":
        wants = torchvision_nets.wants_of(name, architecture.channels)
        if name.startswith(torchvision_nets.FIXED_SIZE):
            options.setdefault("size", wants.size or 224)
    fixed = torchvision_nets.fixed_size_of(name, options)
    if fixed is not None and fixed != wants.size:
        wants = Wants(fixed, fixed, wants.mean, wants.std, wants.interpolation)
    architecture = Architecture(
        "torchvision", name, architecture.outputs, architecture.channels, options
    )
    module = torchvision_nets.make(name, architecture.outputs, architecture.channels, options)
    head = torchvision_nets.head_of(module, architecture.outputs)
    smallest = torchvision_nets.min_size_of(name, options)
    return Network(module, architecture, head, wants, False, smallest, fixed)


def _lamplighter(architecture: Architecture, weights: str) -> Network:
    row = SMALL[architecture.name]
    if weights == "default":
        raise ModelError(
            f"{architecture.name} has no published weights",
            where=architecture.name,
            fix="use --weights none or --weights FILE",
        )
    architecture = replace(architecture, options={**row.recorded, **architecture.options})
    module = row.make(architecture.outputs, channels=architecture.channels, **architecture.options)
    size = int(architecture.options.get("size", row.size or 0)) or None
    fixed = size if "size" in row.options else None
    wants = Wants(size=size)
    return Network(module, architecture, row.head, wants, False, fixed or row.min_size, fixed)


def _timm(architecture: Architecture, weights: str, listener: Listener) -> Network:
    pretrained = weights == "default"
    module = timm_nets.make(
        architecture.name,
        architecture.outputs,
        architecture.channels,
        pretrained=pretrained,
        listener=listener,
    )
    wants, fixed = timm_nets.wants_of(module, pretrained=weights != "none")
    return Network(module, architecture, timm_nets.head_of(module), wants, pretrained, fixed, fixed)


def _own(architecture: Architecture, weights: str) -> Network:
    name, outputs = architecture.name, architecture.outputs
    if weights == "default":
        raise ModelError(
            "your own network has no published weights",
            where=name,
            fix="use --weights none or --weights FILE",
        )
    with undisturbed():  # a file may make layers when it is imported
        thing = named.resolve(name, what="network")
    module, called_with = make_own(thing, name, outputs)
    if called_with == "as it is":  # a second training in this process begins as the first did
        with contextlib.suppress(Exception):  # not every module of a user can be copied
            module = copied(module)
    architecture = Architecture(
        "own", name, outputs, architecture.channels, {"called_with": called_with}
    )
    return Network(module, architecture, torchvision_nets.head_of(module, outputs))


def _load(network: Network, weights: str, listener: Listener) -> set[str]:
    """Loads the weights asked for; gives the names of the tensors that came from them."""
    architecture = network.architecture
    if weights == "none" or network.pretrained:
        return set(network.module.state_dict()) if network.pretrained else set()
    state: State
    if weights == "default":
        state = default_state(architecture.name, listener=listener)
    else:
        state = read_weights(weights, listener=listener)
    state = _resized(architecture, state)
    fitted = fit_weights(network.module, state, head=network.head, where=weights, listener=listener)
    network.pretrained = True
    return set(fitted.loaded)


def _resized(architecture: Architecture, state: State) -> State:
    """Stretches a vision transformer's position embeddings when the pictures have another size."""
    key, size = "encoder.pos_embedding", architecture.options.get("size")
    if not architecture.name.startswith("vit_") or key not in state or size is None:
        return state
    from torchvision.models.vision_transformer import interpolate_embeddings

    patch = int(architecture.name.rsplit("_", 1)[1])
    if state[key].shape[1] == (int(size) // patch) ** 2 + 1:
        return state
    return dict(interpolate_embeddings(int(size), patch, dict(state)))
