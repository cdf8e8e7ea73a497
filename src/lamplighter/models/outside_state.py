"""Numbers that a training changes outside a network's state, and that no file would hold."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.answers import main_output
from lamplighter.models.copying import copied
from lamplighter.models.shape import at_rest, first_tensor, home, materialised

APART = 1e-3  # of the largest answer, as the file is compared with the network after the training


def refuse_outside_state(module: nn.Module, shape: Sequence[int]) -> None:
    """Proves that a network's answers hang on its state alone, before a training is spent on it.

    A batch norm written by hand may keep its running mean as a plain attribute: it is in no
    checkpoint and in no model file, so the file would be refused after the training. A copy sees
    two pictures in training mode and is given the network's state back; if it then answers
    otherwise, something outside the state has moved.

    Args:
        module: untrained; left as it is.
        shape: (C, H, W) of a picture, which the network is known to take.

    Raises:
        ModelError: it answers otherwise.
    """
    module = materialised(module, shape)
    images_BCHW = torch.linspace(-2, 2, 2 * torch.Size(shape).numel()).view(2, *shape)
    images_BCHW = images_BCHW.to(home(module))
    try:
        double = copied(module)
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            double.train()(images_BCHW.clone())
        double.load_state_dict(module.state_dict())
        ours, again, theirs = (_answer(one, images_BCHW) for one in (module, module, double))
    except Exception:  # whatever somebody's own code raises: what cannot be tried proves nothing
        return
    if _apart(ours, again) or not _apart(ours, theirs):
        return
    raise ModelError(
        "its answers hang on numbers that training changes and that are not in its state_dict(), such as a "
        "running mean kept as a plain attribute: no checkpoint and no model file would hold them",
        where=type(module).__name__,
        fix="keep them by self.register_buffer(NAME, TENSOR), and change them in place or by assigning "
        "self.NAME",
    )


def _answer(module: nn.Module, images_BCHW: Tensor) -> Tensor:
    with at_rest(module), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # a GPU's numbers are not put back
        found = first_tensor(main_output(module(images_BCHW.clone())))
    assert found is not None  # it was asked before what it gives
    return found.float()


def _apart(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() > APART * one.abs().max())
