"""Putting a state dict into a network: names matched, differences said aloud."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.listener import SILENT, Listener
from lamplighter.models.torchvision_nets import AUXILIARY_KEYS, first_convolution
from lamplighter.models.weight_file import State

PREFIXES = ("module.", "model.", "_orig_mod.", "backbone.", "net.", "network.")
# names of older torchvision releases, as its own loaders translate them
OLD_NAMES = (
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(\.mlp)\.linear_2\."), r"\1.3."),
)


@dataclass(frozen=True)
class Fitted:
    """What was put into the network.

    Args:
        loaded: names of the network's tensors that were filled.
        missing: names of the network's tensors that the weights do not have.
        misfits: names present on both sides with different shapes.
        spare: names of the weights that the network does not have.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    misfits: tuple[str, ...]
    spare: tuple[str, ...]


def fit_weights(
    module: nn.Module,
    state: State,
    *,
    head: tuple[str, ...] = (),
    where: object = "",
    listener: Listener = SILENT,
) -> Fitted:
    """Copies into `module` every tensor whose name and shape fit.

    Args:
        module: changed in place.
        state: name → tensor.
        head: names of the head's modules; a head of another shape is left as it is.
        where: file or address of the weights, for messages.
        listener: hears about stripped prefixes, adapted channels and skipped tensors.

    Raises:
        ModelError: fewer than half of the network's tensors (without the head's) found a partner.
    """
    own = module.state_dict()
    state = _translated(_stripped(state, own, listener), own)
    state = _adapted_channels(module, state, own, listener)
    loaded = [k for k, v in state.items() if k in own and _alike(v, own[k])]
    misfits = [k for k, v in state.items() if k in own and not _alike(v, own[k])]
    missing = [k for k in own if k not in state and not _counter(k)]
    spare = [k for k in state if k not in own and not k.startswith(AUXILIARY_KEYS)]
    _refuse_strangers(own, state, loaded, head, where)
    _refuse_not_finite(state, loaded, where)
    with torch.no_grad():
        for key in loaded:
            own[key].copy_(state[key])
    fitted = Fitted(tuple(loaded), tuple(missing), tuple(misfits), tuple(spare))
    _tell(fitted, own, state, head, listener)
    return fitted


def _stripped(state: State, own: State, listener: Listener) -> State:
    """Takes wrappers' prefixes off, as far as that makes more names fit."""
    stages: list[tuple[list[str], State]] = [([], state)]
    while True:
        taken, current = stages[-1]
        prefix = next((p for p in PREFIXES if _mostly(current, p)), None)
        if prefix is None or len(taken) >= 4:
            break
        stages.append(
            (
                [*taken, prefix],
                {key.removeprefix(prefix): value for key, value in current.items()},
            )
        )
    taken, best = max(stages, key=lambda stage: sum(key in own for key in stage[1]))
    if taken:
        listener.say(f"weights: names begin with {''.join(taken)!r}, which was taken off")
    return best


def _mostly(state: State, prefix: str) -> bool:
    return 2 * sum(key.startswith(prefix) for key in state) > len(state)


def _translated(state: State, own: State) -> State:
    renamed: State = {}
    for key, value in state.items():
        name = key
        if key not in own:
            for pattern, new in OLD_NAMES:
                candidate = pattern.sub(new, key)
                name = candidate if candidate in own else name
        renamed[name] = value
    return renamed


def _adapted_channels(module: nn.Module, state: State, own: State, listener: Listener) -> State:
    """Makes colour kernels of the first convolution fit pictures with other channels."""
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    if not convolutions or convolutions[0].groups != 1:
        return state
    name, layer = first_convolution(module)
    key = f"{name}.weight"
    if key not in state or key not in own or state[key].dim() != 4:
        return state
    came, channels = state[key].shape[1], layer.in_channels
    rest_alike = (
        state[key].shape[:1] + state[key].shape[2:] == own[key].shape[:1] + own[key].shape[2:]
    )
    if came == channels or came != 3 or not rest_alike:
        return state
    summed = state[key].sum(dim=1, keepdim=True)
    how = "summed into one" if channels == 1 else f"averaged and spread over {channels} planes"
    listener.say(f"weights: the RGB kernels of {name} were {how}, for {channels}-channel pictures")
    return {**state, key: summed.repeat(1, channels, 1, 1) / channels}


def _alike(mine: Tensor, other: Tensor) -> bool:
    return mine.shape == other.shape and mine.is_floating_point() == other.is_floating_point()


def _counter(key: str) -> bool:
    # BatchNorm's own count of batches: files from before 2018 lack it, and nothing depends on it
    return key.endswith("num_batches_tracked")


def _in(key: str, modules: Iterable[str]) -> bool:
    return any(key.startswith(f"{name}.") for name in modules)


def _refuse_strangers(
    own: State, state: State, loaded: list[str], head: tuple[str, ...], where: object
) -> None:
    body = [key for key in own if not _in(key, head) and not _counter(key)] or list(own)
    filled = set(loaded)
    fits = sum(key in filled for key in body)
    if 2 * fits >= len(body):
        return
    theirs = [key for key in state if key not in filled][:3] or list(state)[:3]
    mine = [key for key in body if key not in filled][:3]

    def shown(keys: list[str], tensors: State) -> str:
        return ", ".join(f"{k} {'×'.join(map(str, tensors[k].shape))}" for k in keys)

    raise ModelError(
        f"the weights are of another network: only {fits} of {len(body)} tensors fit. "
        f"The file has {shown(theirs, state)}; the network expects {shown(mine, own)}",
        where=where,
        fix="give --model the network that these weights were saved from, or --weights none",
    )


def _refuse_not_finite(state: State, loaded: list[str], where: object) -> None:
    for key in loaded:
        if state[key].is_floating_point() and not bool(torch.isfinite(state[key]).all()):
            raise ModelError(
                f"the weights hold NaN or infinity in {key}; a network with them answers nothing",
                where=where,
                fix="take an earlier checkpoint of that training",
            )


def _tell(
    fitted: Fitted, own: State, state: State, head: tuple[str, ...], listener: Listener
) -> None:
    counted = [key for key in own if not _counter(key)]
    count = sum(not _counter(key) for key in fitted.loaded)
    new_head = [key for key in (*fitted.misfits, *fitted.missing) if _in(key, head)]
    told = f"weights: {count} of {len(counted)} tensors loaded"
    if new_head:
        shapes = [k for k in fitted.misfits if k in new_head and k.endswith("weight")]
        was = f" (the file's is for {state[shapes[0]].shape[0]} outputs)" if shapes else ""
        told += f"; the head {', '.join(head)} is new{was}"
    listener.say(told)
    rest = [key for key in (*fitted.misfits, *fitted.missing) if not _in(key, head)]
    if rest:
        listener.warn(
            f"weights: {len(rest)} tensors outside the head were not in the file or have another "
            f"shape and start untrained: {', '.join(rest[:4])}{'…' if len(rest) > 4 else ''}"
        )
    if fitted.spare:
        listener.say(
            f"weights: {len(fitted.spare)} tensors of the file have no place here: "
            f"{', '.join(fitted.spare[:4])}{'…' if len(fitted.spare) > 4 else ''}"
        )
