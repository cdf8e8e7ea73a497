"""Where a network looked: Grad-CAM where it has maps, occlusion where it has none.

The only file of this room that touches a network.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from lamplighter.errors import ModelError

PATCHES = 7
EARLIEST = 0.3


def explain(
    net: nn.Module, images_BCHW: Tensor, classes: Tensor | None = None
) -> tuple[NDArray[np.float32], str]:
    """Heat maps for a batch, by the way that suits the network.

    Args:
        net: any classifier; it is put into eval mode and left as it was.
        images_BCHW: preprocessed images, on the network's device.
        classes: int64 [B], which output to explain; None: each image's own answer.

    Returns:
        float32 [B, H, W] between 0 and 1, and "grad-cam" or "occlusion".
    """
    layer = last_maps(net, images_BCHW[:1])
    if layer is None:
        return occlusion(net, images_BCHW, classes), "occlusion"
    return grad_cam(net, images_BCHW, classes, layer=layer), "grad-cam"


def last_maps(net: nn.Module, images_BCHW: Tensor) -> nn.Module | None:
    """The last layer that puts out maps (4-D, more than one place), if it comes late enough.

    A vision transformer has such a layer only at its very beginning, where Grad-CAM says nothing.

    Args:
        net: any network.
        images_BCHW: one image is enough.
    """
    called: list[tuple[nn.Module, bool]] = []

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        maps = isinstance(output, Tensor) and _channels_first(output, images_BCHW) is not None
        called.append((module, maps))

    leaves = [module for module in net.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(note) for module in leaves]
    try:
        with torch.no_grad(), _Evaluating(net):
            net(images_BCHW)
    finally:
        for hook in hooks:
            hook.remove()
    with_weights = [i for i, (module, _) in enumerate(called) if list(module.parameters())]
    found = [i for i, (_, maps) in enumerate(called) if maps]
    if not found or not with_weights:
        return None
    before = sum(i <= found[-1] for i in with_weights) / len(with_weights)
    return called[found[-1]][0] if before > EARLIEST else None


def grad_cam(
    net: nn.Module,
    images_BCHW: Tensor,
    classes: Tensor | None = None,
    *,
    layer: nn.Module | None = None,
) -> NDArray[np.float32]:
    """The places whose features speak for a class, weighted by the gradient of its logit.

    Args:
        net: the classifier; weights, gradients and mode are left as they were.
        images_BCHW: preprocessed images.
        classes: int64 [B], which output to explain; None: each image's own answer.
        layer: whose maps to use; None: the last one that has any.

    Returns:
        float32 [B, H, W] between 0 and 1; all 0 where nothing speaks for the class.

    Raises:
        ModelError: no layer puts out maps.

    Source: Selvaraju et al. 2017.
    """
    layer = layer or last_maps(net, images_BCHW[:1])
    if layer is None:
        raise ModelError("this network has no maps for Grad-CAM", fix="use occlusion instead")
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        # a clone: the next layer may work in place, and the gradient must be of this output
        maps = output if output.requires_grad else output.detach().requires_grad_()
        kept.append(maps)
        return maps.clone()

    hook = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad(), _Evaluating(net):
            logits_BK = _logits(net(images_BCHW))
            chosen = logits_BK.argmax(dim=1) if classes is None else classes
            score = logits_BK.gather(1, chosen[:, None]).sum()
            (gradient,) = torch.autograd.grad(score, kept[-1])
    finally:
        hook.remove()
    maps_BCHW = _channels_first(kept[-1].detach(), images_BCHW)
    gradient_BCHW = _channels_first(gradient, images_BCHW)
    if maps_BCHW is None or gradient_BCHW is None:
        raise ModelError("the layer puts out no maps", fix="use occlusion instead")
    weights = gradient_BCHW.float().mean(dim=(2, 3), keepdim=True)
    heat_B1HW = F.relu((weights * maps_BCHW.float()).sum(dim=1, keepdim=True))
    return _scaled(heat_B1HW, images_BCHW)


def occlusion(
    net: nn.Module, images_BCHW: Tensor, classes: Tensor | None = None, *, patches: int = PATCHES
) -> NDArray[np.float32]:
    """How much the class loses when a patch of the picture is covered with its mean.

    Args:
        net: the classifier.
        images_BCHW: preprocessed images.
        classes: int64 [B], which output to explain; None: each image's own answer.
        patches: how many per side; the network runs patches² + 1 times.

    Returns:
        float32 [B, H, W] between 0 and 1.

    Source: Zeiler and Fergus 2014.
    """
    height, width = images_BCHW.shape[2:]
    rows = np.linspace(0, height, min(patches, height) + 1).astype(int)
    columns = np.linspace(0, width, min(patches, width) + 1).astype(int)
    cover = images_BCHW.mean(dim=(2, 3), keepdim=True)
    with torch.no_grad(), _Evaluating(net):
        logits_BK = _logits(net(images_BCHW))
        chosen = (logits_BK.argmax(dim=1) if classes is None else classes)[:, None]
        before = logits_BK.softmax(dim=1).gather(1, chosen)
        lost = images_BCHW.new_zeros(len(images_BCHW), 1, len(rows) - 1, len(columns) - 1)
        for r in range(len(rows) - 1):
            for c in range(len(columns) - 1):
                covered = images_BCHW.clone()
                covered[:, :, rows[r] : rows[r + 1], columns[c] : columns[c + 1]] = cover
                after = _logits(net(covered)).softmax(dim=1).gather(1, chosen)
                lost[:, :, r, c] = (before - after).clamp(min=0)
    return _scaled(lost.float(), images_BCHW)


def overlay(picture: Image.Image, heat: NDArray[np.float32], *, quality: int = 80) -> bytes:
    """A JPEG of the picture with the heat laid over it.

    Args:
        picture: RGB or grey, as the network saw it.
        heat: float32 [H, W] between 0 and 1, stretched to the picture.
        quality: of the JPEG.
    """
    colour = picture.convert("RGB")
    mask = Image.fromarray((heat * 255).astype(np.uint8)).resize(
        colour.size, Image.Resampling.BILINEAR
    )
    strength = np.asarray(mask, dtype=np.float32)[..., None] / 255
    # dark blue to yellow: told apart by people who confuse red and green, and in print
    cold, hot = np.array([28, 24, 92], np.float32), np.array([255, 214, 32], np.float32)
    tint = cold + (hot - cold) * strength
    share = 0.30 + 0.30 * strength
    mixed = np.asarray(colour, dtype=np.float32) * (1 - share) + tint * share
    buffer = BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


class _Evaluating:
    """Eval mode for a while, each module's own mode put back after it."""

    def __init__(self, net: nn.Module) -> None:
        self.modes = {module: module.training for module in net.modules()}
        self.net = net

    def __enter__(self) -> None:
        self.net.eval()

    def __exit__(self, *_: object) -> None:
        for module, mode in self.modes.items():
            module.training = mode


def _logits(output: object) -> Tensor:
    if isinstance(output, Tensor) and output.ndim == 2:
        return output.float()
    raise ModelError(f"expected logits of shape [batch, classes], got {type(output).__name__}")


def _channels_first(maps: Tensor, images_BCHW: Tensor) -> Tensor | None:
    """Maps as [B, C, H, W], turned from [B, H, W, C] where the proportions say so; None if none."""
    if maps.ndim != 4 or len(maps) != len(images_BCHW):
        return None
    aspect = images_BCHW.shape[2] / images_BCHW.shape[3]
    first, last = maps.shape[2] / maps.shape[3], maps.shape[1] / maps.shape[2]
    turned = abs(last - aspect) < 0.01 and abs(first - aspect) > 0.01
    maps_BCHW = maps.permute(0, 3, 1, 2) if turned else maps
    return maps_BCHW if min(maps_BCHW.shape[2:]) > 1 else None


def _scaled(heat_B1HW: Tensor, images_BCHW: Tensor) -> NDArray[np.float32]:
    grown = F.interpolate(
        heat_B1HW, size=images_BCHW.shape[2:], mode="bilinear", align_corners=False
    )[:, 0]
    top = grown.amax(dim=(1, 2), keepdim=True)
    scaled = torch.where(top > 0, grown / top.clamp(min=1e-12), torch.zeros_like(grown))
    return scaled.cpu().numpy().astype(np.float32)
