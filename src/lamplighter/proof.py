"""Whether the file that a training leaves answers as the network that was trained."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, is_tensor, nn
from torch.nn.parameter import is_lazy

from lamplighter.artifact import load_module
from lamplighter.data.batches import Batch
from lamplighter.errors import ArtifactError, ModelError, NotProved
from lamplighter.models.answers import main_output
from lamplighter.models.architecture import Architecture
from lamplighter.models.own import make_own
from lamplighter.training.parts import Parts
from lamplighter.training.state_file import random_state, restore_random_state

CLOSE = 1e-3  # of the largest answer: kernels round another way by less, other weights by far more


def prove_alone(path: Path, parts: Parts) -> None:
    """Loads an artifact as `lamp predict` will, and asks it and the trained network about one batch.

    Args:
        path: the artifact, of a network that was built by its name.
        parts: of the training; the module holds the weights that were saved.

    Raises:
        NotProved: the file cannot be read, or what it holds answers otherwise.
    """
    try:
        _, loaded = load_module(path)
    except ArtifactError as error:
        raise _not_proved(error) from error
    except ModelError:  # the name was that of an instance, which has to be handed over
        prove_with_instance(path, parts)
    else:
        _insist(path, parts, loaded)


def prove_with_instance(path: Path, parts: Parts, as_made: nn.Module | None = None) -> None:
    """The same for a network that only the user can make: a copy of it takes the weights.

    Args:
        path: the artifact.
        parts: of the training; the module holds the weights that were saved.
        as_made: what `frame_of` gave before the training; None: the module as it is now, with all
            that the training has left in it besides its state.

    Raises:
        NotProved: the file cannot be read, or what it holds answers otherwise.
    """
    try:
        instance = copy.deepcopy(parts.module if as_made is None else as_made)
    except Exception:  # not every module of a user can be copied; nothing is known then
        return
    try:
        _, loaded = load_module(path, own=instance)
    except ArtifactError as error:
        raise _not_proved(error) from error
    _insist(path, parts, loaded)


def frame_of(module: nn.Module) -> nn.Module | None:
    """A network as it is now but for its state, which stays the module's own and costs no memory.

    With the state of a file it is what whoever loads that file will have: what a training changes
    outside the state, such as a tensor that is a plain attribute, is in no file.

    Returns:
        None where the module cannot be copied, or has weights that are made by its first call.
    """
    state = [value for value in module.state_dict(keep_vars=True).values() if is_tensor(value)]
    if any(is_lazy(value) for value in state):
        return None
    try:
        return copy.deepcopy(module, {id(value): value for value in state})
    except Exception:  # not every module of a user can be copied
        return None


def is_made_by_its_class(parts: Parts, architecture: Architecture) -> bool:
    """Whether whoever calls the network's class has the network, once it has the same weights.

    It need not: `Net(activation="tanh")` and `Net()` take each other's weights. As far as can be told:
    where the two cannot both be asked, nothing speaks against it.

    Args:
        parts: of the training.
        architecture: of source "own"; says how the class would be called.
    """
    if architecture.options.get("called_with") == "as it is":
        return False
    state = random_state()
    try:
        made, _ = make_own(type(parts.module), architecture.name, architecture.outputs)
        made.load_state_dict(parts.module.state_dict())
    except Exception:  # the user's code: it does not make it, whatever the reason
        return False
    finally:
        restore_random_state(state)
    gap = _gap_on_a_batch(parts, made)
    return gap is None or gap <= CLOSE


def forms_of(parts: Parts) -> tuple[int | None, int | None]:
    """Of one example: the dimensions that go into the network, and how many numbers come out of it.

    Either is None where it is not plain to see.
    """
    state = random_state()
    try:
        batch = next(iter((parts.val or parts.train).epoch(1)), None)
        given = None if batch is None else _answer(batch, parts.module, state)
    except Exception:  # the user's code, or the device
        return None, None
    finally:
        restore_random_state(state)
    inputs = batch.inputs if batch is not None else None
    dimensions = inputs.ndim - 1 if isinstance(inputs, Tensor) else None
    return dimensions, int(given.shape[1]) if given is not None and given.ndim == 2 else None


def _not_proved(error: ArtifactError) -> NotProved:
    return NotProved(error.message, where=error.where, fix=error.fix)


def _insist(path: Path, parts: Parts, loaded: nn.Module) -> None:
    gap = _gap_on_a_batch(parts, loaded)
    if gap is not None and gap > CLOSE:
        raise NotProved(
            "the network that is loaded from it does not answer as the one that was trained: for one "
            f"batch the outputs differ by {gap:.2g} of the largest",
            where=path,
            fix="keep every number that forward() computes with and training changes in the state, by "
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
