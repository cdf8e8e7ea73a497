"""Whether the file that a training leaves answers as the network that was trained."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.artifact import load_module
from lamplighter.data.batches import Batch
from lamplighter.errors import ArtifactError, ModelError
from lamplighter.training.parts import Parts
from lamplighter.training.state_file import random_state, restore_random_state
from lamplighter.training.validate import main_output

CLOSE = 1e-3  # of the largest answer: kernels round another way by less, other weights by far more


def prove_alone(path: Path, parts: Parts) -> None:
    """Loads an artifact as `lamp predict` will, and asks it and the trained network about one batch.

    Args:
        path: the artifact, of a network that was built by its name.
        parts: of the training; the module holds the weights that were saved.

    Raises:
        ArtifactError: the file cannot be read, or what it holds answers otherwise.
    """
    try:
        _, loaded = load_module(path)
    except ArtifactError:
        raise
    except ModelError:  # the name was that of an instance, which has to be handed over
        prove_with_instance(path, parts)
    else:
        _insist(path, parts, loaded)


def prove_with_instance(path: Path, parts: Parts) -> None:
    """The same for a network that only the user can make: a copy of it takes the weights.

    Args:
        path: the artifact.
        parts: of the training; the module holds the weights that were saved.

    Raises:
        ArtifactError: the file cannot be read, or what it holds answers otherwise.
    """
    try:
        instance = copy.deepcopy(parts.module)
    except Exception:  # not every module of a user can be copied; nothing is known then
        return
    _, loaded = load_module(path, own=instance)
    _insist(path, parts, loaded)


def _insist(path: Path, parts: Parts, loaded: nn.Module) -> None:
    gap = _gap_on_a_batch(parts, loaded)
    if gap is not None and gap > CLOSE:
        raise ArtifactError(
            "the network that is loaded from it does not answer as the one that was trained: for one "
            f"batch the outputs differ by {gap:.2g} of the largest",
            where=path,
            fix="keep every tensor that forward() computes with in the state, by "
            "self.register_buffer(NAME, TENSOR) or nn.Parameter, and train again",
        )


def _gap_on_a_batch(parts: Parts, loaded: nn.Module) -> float | None:
    """How far the answers of two networks are apart.

    Returns:
        The largest difference over the largest answer. None where nothing can be said: there is no
        batch, the trained network does not answer twice alike, or one of the two cannot be asked (no
        memory for a second network, outputs that are no tensor).
    """
    state = random_state()
    try:
        batch = next(iter((parts.val or parts.train).epoch(1)), None)
        if batch is None:
            return None
        asked = (parts.module, parts.module, loaded.to(parts.device))
        ours, again, theirs = (_answer(batch, module, state) for module in asked)
    except Exception:  # the user's code, or the device: what cannot be asked proves nothing
        return None
    finally:
        restore_random_state(state)
    if ours is None or again is None or theirs is None or _gap(ours, again) > CLOSE:
        return None
    return _gap(ours, theirs)


def _answer(batch: Batch, module: nn.Module, state: dict[str, Any]) -> Tensor | None:
    """The outputs in evaluation mode, with the same random numbers each time."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    restore_random_state(state)
    try:
        with torch.inference_mode():
            given = main_output(batch.call(module))
    finally:
        for part, training in modes:
            part.training = training
    return given.float().cpu() if isinstance(given, Tensor) else None


def _gap(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape:
        return float("inf")
    same = (one == other) | (one.isnan() & other.isnan())
    if bool(same.all()):
        return 0.0
    largest = float(one.nan_to_num(0.0, 0.0, 0.0).abs().max())
    gap = float((one - other)[~same].abs().max())  # NaN where only one of the two is
    return gap / largest if largest > 0 and gap == gap else float("inf")
