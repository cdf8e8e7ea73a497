"""How planes lie in memory: channels last, which is faster, wherever a network takes them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.shape import at_rest, first_tensor, home, materialised

FORMATS: Mapping[str, torch.memory_format] = MappingProxyType(
    {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
)
PROVEN = ("lamplighter", "torchvision")  # sources whose networks our tests all send through
APART = 1e-3  # of the largest answer; the order of sums in fp32 moves it by a hundredth of that


def fit_memory_format(
    module: nn.Module, source: str, shape: Sequence[int], asked: str = "auto"
) -> str:
    """Lays the weights out as the network is quickest, and says how pictures have to lie.

    A network of one's own may hold `x.view(-1, 16 * 5 * 5)`, as many courses write it, which goes
    through in PyTorch's usual format only, or may count on that in silence. So one picture is sent
    through in both, and the answers have to agree.

    Args:
        module: on its device; changed in place.
        source: of its `Architecture`; those of `PROVEN` are not tried.
        shape: (C, H, W) of a picture, which the network is known to take.
        asked: "auto", or a key of `FORMATS`.

    Returns:
        A key of `FORMATS`, for weights and pictures alike.

    Raises:
        ModelError: channels_last was asked for, and the network does not take it.
    """
    name = _chosen(module, source, shape) if asked == "auto" else asked
    if asked == "channels_last" and source not in PROVEN:
        try:
            _answer(module, shape, name)
        except Exception as error:
            raise ModelError(
                f"it does not take planes that lie with their channels last: {str(error).splitlines()[0]}",
                where=type(module).__name__,
                fix="--memory-format auto, or x.flatten(1) in place of x.view(…) in its forward",
            ) from error
    module.to(memory_format=FORMATS[name])
    return name


def _chosen(module: nn.Module, source: str, shape: Sequence[int]) -> str:
    if home(module).type not in ("cpu", "cuda"):
        return "contiguous"
    return "channels_last" if source in PROVEN or _agree(module, shape) else "contiguous"


def _agree(module: nn.Module, shape: Sequence[int]) -> bool:
    try:
        usual, other = (_answer(module, shape, name) for name in ("contiguous", "channels_last"))
    except Exception:  # whatever somebody's own code raises there, it is not for this format
        return False
    apart = (usual - other).abs().max()
    return bool(apart <= APART * usual.abs().max())


def _answer(module: nn.Module, shape: Sequence[int], name: str) -> Tensor:
    module = materialised(module, shape).to(memory_format=FORMATS[name])
    image_BCHW = torch.linspace(-2, 2, torch.Size(shape).numel()).view(1, *shape)
    image_BCHW = image_BCHW.to(home(module)).contiguous(memory_format=FORMATS[name])
    with at_rest(module), torch.random.fork_rng(devices=[]):
        found = first_tensor(module(image_BCHW))
    assert found is not None  # its shape was checked, so it gives a tensor
    return found.float()
