"""Normalisation layers that do not fit their input."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Kind

_KIND_OF_NORM = "nn.BatchNorm1d(…) after a Linear layer, nn.BatchNorm2d(…) after a convolution"

NORMS: tuple[Kind, ...] = (
    Kind(
        "batchnorm-one-sample",
        "BatchNorm cannot learn from a single value per channel",
        r"Expected more than 1 (?:value per channel|spatial element) when training, got input size torch\.Size\(\[(?P<came>[\d, ]+)\]\)",
        lambda case: (
            f"The input {shape(sizes(case['came']))} holds one value per channel, so it has no "
            "spread to normalise by. Usually the last batch of the epoch holds one sample, or a "
            "single sample is tried while the model is in training mode."
        ),
        (
            "DataLoader(…, drop_last=True)   # in training only",
            "model.eval()   # before trying a single sample",
            "a batch of at least 2; nn.GroupNorm where batches must be tiny",
        ),
    ),
    Kind(
        "norm-channels",
        "BatchNorm was made for another number of channels",
        r"running_mean should contain (?P<got>\d+) elements not (?P<has>\d+)",
        "The input has {got} channels and the BatchNorm layer was made for {has}.",
        ("nn.BatchNorm2d({got})   # the number of channels that the layer before gives",),
    ),
    Kind(
        "norm-dimensions",
        "the normalisation wants another number of dimensions",
        r"expected (?P<want>\dD(?: or \dD)?) input \(got (?P<got>\dD) input\)",
        "The layer wants a {want} input and got a {got} one. BatchNorm1d is for features or sequences "
        "(2D, 3D), BatchNorm2d for pictures (4D: batch × channels × height × width), BatchNorm3d for volumes.",
        lambda case: (
            ("x = x.unsqueeze(0)   # one sample: puts the batch dimension in front", _KIND_OF_NORM)
            if int(case["want"][-2]) - int(case["got"][0]) == 1
            else (_KIND_OF_NORM,)
        ),
    ),
    Kind(
        "layer-norm-shape",
        "LayerNorm was made for another last dimension",
        r"Given normalized_shape=\[(?P<want>[\d, ]+)\], expected input with shape \[[^\]]*\], but got input of size ?\[(?P<came>[\d, ]+)\]",
        lambda case: (
            f"LayerNorm({case['want']}) normalises the last dimension(s) and wants them to be "
            f"{shape(sizes(case['want']))}; the input is {shape(sizes(case['came']))}."
        ),
        lambda case: (
            f"nn.LayerNorm({sizes(case['came'])[-1]})",
            "for pictures (batch × channels × height × width): nn.GroupNorm(1, channels)",
        ),
    ),
    Kind(
        "group-norm-channels",
        "GroupNorm was made for another number of channels",
        r"Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape \[(?P<has>\d+)\] and input of shape \[(?P<came>[\d, ]+)\]",
        lambda case: (
            f"GroupNorm was made for {case['has']} channels; the input "
            f"{shape(sizes(case['came']))} has {sizes(case['came'])[1]}."
        ),
        lambda case: (f"nn.GroupNorm(groups, {sizes(case['came'])[1]})",),
    ),
    Kind(
        "divisible",
        "a number of channels does not divide evenly",
        r"num_channels \((?P<a>\d+)\) must be divisible by num_groups \((?P<b>\d+)\)|(?P<which>in_channels|out_channels) must be divisible by groups",
        lambda case: (
            f"GroupNorm parts the {case['a']} channels into {case['b']} equal groups, and "
            f"{case['a']} / {case['b']} is not whole."
            if case["a"]
            else f"With groups=g a convolution parts its channels into g equal groups; {case['which']} does not divide by it."
        ),
        ("choose groups that divide the channels: 8, 16 or 32 for 64 channels",),
    ),
)
