"""Where a network looked: Grad-CAM where it has maps, occlusion where it has none.

The only file of this room that touches a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from lamplighter.errors import ModelError

PATCHES = 7
ASPECT = 0.25
EXTRA_TOKENS = (0, 1, 2, 5)
SINGLY = 8  # layers that are tried one by one, from the last


def explain(
    net: nn.Module, images_BCHW: Tensor, classes: Tensor | None = None
) -> tuple[NDArray[np.float32], str]:
    """Heat maps for a batch, by the way that suits the network.

    Args:
        net: any classifier; its modes, weights and gradients are left as they were.
        images_BCHW: preprocessed images, on the network's device.
        classes: int64 [B], which output to explain; None: each image's own answer.

    Returns:
        float32 [B, H, W] between 0 and 1, and "grad-cam" or "occlusion".
    """
    try:
        return grad_cam(net, images_BCHW, classes), "grad-cam"
    except NoMapsError:
        return occlusion(net, images_BCHW, classes), "occlusion"


class NoMapsError(ModelError):
    """No layer of the network keeps to places in the image."""


def grad_cam(
    net: nn.Module, images_BCHW: Tensor, classes: Tensor | None = None
) -> NDArray[np.float32]:
    """The places whose features speak for a class, weighted by the gradient of its logit.

    The layer is found, not named: the last one that puts out maps (or a transformer's tokens in
    a grid) on which the logit still depends place by place. After a transformer's last attention
    only the class token counts, so that its last layers fall out by themselves.

    Args:
        net: the classifier; its modes, weights and gradients are left as they were.
        images_BCHW: preprocessed images.
        classes: int64 [B], which output to explain; None: each image's own answer.

    Returns:
        float32 [B, H, W] between 0 and 1; all 0 where nothing speaks for the class.

    Raises:
        NoMapsError: no layer puts out maps.

    Source: Selvaraju et al. 2017.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor) or _channels_first(output, images_BCHW) is None:
            return None
        kept.append(output)
        # a clone: the next layer may work in place, and the gradient must be of this output
        return output.clone()

    hooks = [module.register_forward_hook(keep) for module in net.modules()]
    try:
        with torch.enable_grad(), _Evaluating(net):
            # gradients of the input let frozen networks be explained too
            logits_BK = _logits(net(images_BCHW.detach().clone().requires_grad_()))
            chosen = logits_BK.argmax(dim=1) if classes is None else classes
            score = logits_BK.gather(1, chosen[:, None]).sum()
    finally:
        for hook in hooks:
            hook.remove()
    depends = False
    for raw, slope in _slopes(score, kept[::-1]):
        if slope is None:
            continue
        depends = True
        maps_BCHW = _channels_first(raw.detach(), images_BCHW)
        slope_BCHW = _channels_first(slope, images_BCHW)
        if maps_BCHW is not None and slope_BCHW is not None and bool(slope_BCHW.any()):
            weights = slope_BCHW.float().mean(dim=(2, 3), keepdim=True)
            heat_B1HW = F.relu((weights * maps_BCHW.float()).sum(dim=1, keepdim=True))
            return _scaled(heat_B1HW, images_BCHW)
    if depends:
        # the logit depends on no place: a head of zeros, or a class that nothing speaks for
        return np.zeros((len(images_BCHW), *images_BCHW.shape[2:]), np.float32)
    raise NoMapsError("no layer of this network puts out maps", fix="use occlusion instead")


def _slopes(score: Tensor, outputs: list[Tensor]) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Outputs with the score's gradients, None where it does not depend on them.

    The first ones singly: the last layer usually answers, and the way back to it is short.
    """
    for output in outputs[:SINGLY]:
        (slope,) = torch.autograd.grad(score, [output], allow_unused=True, retain_graph=True)
        yield output, slope
    if rest := outputs[SINGLY:]:
        yield from zip(rest, torch.autograd.grad(score, rest, allow_unused=True), strict=True)


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
    """An output as maps [B, C, H, W] with the image's proportions; None if it is nothing such.

    Understood are [B, C, H, W], [B, H, W, C] and tokens [B, N, C] of a grid, with or without
    class and register tokens in front.
    """
    if maps.ndim not in (3, 4) or len(maps) != len(images_BCHW) or not maps.is_floating_point():
        return None
    aspect = images_BCHW.shape[2] / images_BCHW.shape[3]
    if maps.ndim == 3:
        return _from_tokens(maps, aspect)
    candidates = [maps, maps.permute(0, 3, 1, 2)]
    off = [abs(np.log(one.shape[2] / one.shape[3] / aspect)) for one in candidates]
    best = candidates[int(off[1] < off[0])]
    # rounding at each stride bends the proportions of small maps
    return best if min(off) < ASPECT and min(best.shape[2:]) > 1 else None


def _from_tokens(tokens_BNC: Tensor, aspect: float) -> Tensor | None:
    for extra in EXTRA_TOKENS:
        n = tokens_BNC.shape[1] - extra
        height = round((max(n, 0) * aspect) ** 0.5)
        if height > 1 and n % height == 0 and n // height > 1:
            width = n // height
            if abs(np.log(height / width / aspect)) < ASPECT:
                grid_BCN = tokens_BNC[:, extra:].transpose(1, 2)
                return grid_BCN.reshape(*grid_BCN.shape[:2], height, width)
    return None


def _scaled(heat_B1HW: Tensor, images_BCHW: Tensor) -> NDArray[np.float32]:
    grown = F.interpolate(
        heat_B1HW, size=images_BCHW.shape[2:], mode="bilinear", align_corners=False
    )[:, 0]
    top = grown.amax(dim=(1, 2), keepdim=True)
    scaled = grown / torch.where(top > 0, top, torch.ones_like(top))
    return scaled.cpu().numpy().astype(np.float32)
