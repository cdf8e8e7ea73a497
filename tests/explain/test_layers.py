"""Layers explained: figures are those that torch really gives."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.errors import ModelError, UnknownName, UsageError
from lamplighter.explain.layers import explain_layer, layer_names, read_shape, read_value


def worked_sides(formula: tuple[str, ...]) -> list[int]:
    """The results of the lines "H = … = 32"."""
    return [int(line.rsplit("= ", 1)[1]) for line in formula if re.match(r"[LDHW] = ", line)]


def test_the_example_of_the_manual() -> None:
    """A 5×5 convolution with padding 2 keeps 32×32; its parameters are counted."""
    found = explain_layer(
        "Conv2d", "3x32x32", {"out_channels": "32", "kernel_size": "5", "padding": "2"}
    )
    assert found.input == "B×3×32×32"
    assert found.output == "B×32×32×32"
    assert "H = floor((32 + 2·2 − 1·(5 − 1) − 1) / 1 + 1) = 32" in found.formula
    assert found.count == 32 * 3 * 5 * 5 + 32
    assert {a.name: a.source for a in found.arguments}["in_channels"] == "from the input"


SWEEP = [
    (name, dims, {"kernel_size": k, "stride": s, "padding": p, "dilation": d})
    for name, dims in (("Conv1d", 1), ("Conv2d", 2), ("Conv3d", 3), ("MaxPool1d", 1), ("MaxPool2d", 2), ("MaxPool3d", 3))
    for k, s, p, d in itertools.product((2, 3, 5), (1, 2, 3), (0, 1), (1, 2))
]  # fmt: skip


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("size", [11, 16, 17])
def test_the_worked_formula_gives_what_torch_gives(size: int, ceil: bool) -> None:
    """Over kernels, strides, paddings and dilations the hand calculation equals the real shape."""
    for name, dims, arguments in SWEEP:
        shape = (4, *range(size, size + dims))
        settings: dict[str, Any] = dict(arguments)
        settings |= {"ceil_mode": ceil} if "Pool" in name else {"out_channels": 6}
        found = explain_layer(name, shape, settings)
        real = [int(part) for part in found.output.split("×")[2:]]
        assert worked_sides(found.formula) == real, (name, settings)


def test_the_worked_formula_of_transposed_convolutions_and_average_pools() -> None:
    """The same for ConvTranspose and AvgPool, which have other arguments."""
    for k, s, p in itertools.product((2, 3, 4), (1, 2, 3), (0, 1)):
        found = explain_layer(
            "ConvTranspose2d", "4x9x12", {"out_channels": 6, "kernel_size": k, "stride": s, "padding": p}
        )  # fmt: skip
        assert worked_sides(found.formula) == [int(x) for x in found.output.split("×")[2:]]
        for ceil in (False, True):
            pool = explain_layer(
                "AvgPool2d", "4x9x12", {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": ceil}
            )  # fmt: skip
            assert worked_sides(pool.formula) == [int(x) for x in pool.output.split("×")[2:]]


CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("Conv2d", "3x32x32", {"out_channels": 8, "kernel_size": 3, "padding": "same"}, "B×8×32×32", "keeps H and W"),
    ("Conv2d", "8x3x32x32", {"out_channels": 8, "kernel_size": 3}, "B×8×30×30", "out_channels = 8"),
    ("Conv2d", "8x32x32", {"out_channels": 16, "kernel_size": "(3,5)", "groups": 2}, "B×16×30×28", "8/2"),
    ("MaxPool2d", "64x16x16", {"kernel_size": 2}, "B×64×8×8", "leaves the channels"),
    ("AdaptiveAvgPool2d", "512x7x7", {"output_size": 1}, "B×512×1×1", "whatever the size"),
    ("Linear", "1024", {"out_features": 10}, "B×10", "10 × 1024 weights + 10 biases"),
    ("Linear", "7x1024", {"out_features": 10, "bias": "false"}, "B×7×10", "becomes out_features = 10"),
    ("BatchNorm2d", "64x8x8", {}, "B×64×8×8", "running ones"),
    ("BatchNorm1d", "64", {}, "B×64", "running ones"),
    ("LayerNorm", "20x64", {}, "B×20×64", "the last dimension(s) (64,)"),
    ("GroupNorm", "64x8x8", {"num_groups": 8}, "B×64×8×8", "8 groups"),
    ("Dropout", "128", {"p": 0.25}, "B×128", "divided by 0.75"),
    ("Flatten", "64x4x4", {}, "B×1024", "64·4·4 = 1024"),
    ("Embedding", "12", {"num_embeddings": 100, "embedding_dim": 16}, "B×12×16", "0 to 99"),
    ("LSTM", "20x64", {"hidden_size": 128, "batch_first": "true"}, "B×20×128 and 1×B×128 and 1×B×128", "128 × 1 = 128"),
    ("GRU", "20x64", {"hidden_size": 32, "bidirectional": True}, "20×B×64 and 2×B×32", "length comes before the batch"),
    ("RNN", "20x64", {"hidden_size": 32, "nonlinearity": "relu"}, "20×B×32 and 1×B×32", "32 × 1 = 32"),
    ("MultiheadAttention", "10x64", {"num_heads": 8, "batch_first": True}, "B×10×64 and B×10×10", "8 values per head"),
    ("Upsample", "3x8x8", {"scale_factor": 2}, "B×3×16×16", "floor(8 × 2) = 16"),
    ("ReLU", "64x8x8", {}, "B×64×8×8", ""),
    ("CrossEntropyLoss", "10", {}, "one number", "ln 10 = 2.3026"),
    ("BCEWithLogitsLoss", "1", {}, "one number", "no sigmoid"),
    ("MSELoss", "1", {}, "one number", "one shape"),
    ("PixelShuffle", "12x8x8", {"upscale_factor": 2}, "B×3×16×16", ""),
    ("TransformerEncoderLayer", "10x64", {"nhead": 8, "batch_first": True}, "B×10×64", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "output", "says"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)  # fmt: skip
def test_a_layer_is_explained(
    name: str, shape: str, arguments: dict[str, Any], output: str, says: str
) -> None:
    """Output shape and the sentence that matters, for each family of layers."""
    found = explain_layer(name, shape, arguments)
    assert found.output == output
    assert says in "\n".join([*found.formula, *found.notes])
    assert found.says
    assert found.signature.startswith(name)


def test_the_first_loss_that_is_told_is_the_real_one() -> None:
    """ln C is the cross entropy of a network that gives all classes the same."""
    found = explain_layer("CrossEntropyLoss", "37")
    told = float(found.formula[0].rsplit("= ", 1)[1])
    real = nn.CrossEntropyLoss()(torch.zeros(5, 37), torch.arange(5)).item()
    assert told == pytest.approx(real, abs=1e-4)
    assert told == pytest.approx(math.log(37), abs=1e-4)


def test_parameters_are_those_of_the_real_layer() -> None:
    """The count equals the sum over the layer that torch builds."""
    found = explain_layer("LSTM", "20x64", {"hidden_size": 128, "num_layers": 2})
    real = nn.LSTM(64, 128, num_layers=2)
    assert found.count == sum(p.numel() for p in real.parameters())


def test_every_layer_of_torch_has_at_least_its_signature() -> None:
    """Without an input, each public layer is explained by signature and purpose."""
    for name in layer_names():
        found = explain_layer(name)
        assert found.signature.startswith(name + "(")


def test_a_wrong_argument_is_told_with_the_near_ones() -> None:
    """A mistyped argument names the one that was meant."""
    with pytest.raises(UnknownName, match="Did you mean out_channels"):
        explain_layer("Conv2d", "3x32x32", {"out_chanels": 3, "kernel_size": 3})


def test_a_wrong_layer_is_told_with_the_near_ones() -> None:
    """A mistyped layer names the one that was meant; capitals do not matter."""
    with pytest.raises(UnknownName, match="Did you mean Conv2d"):
        explain_layer("Convv2d")
    assert explain_layer("conv2d").name == "Conv2d"


def test_a_missing_argument_is_named() -> None:
    """What neither the input nor the person gave is asked for, with a command to type."""
    with pytest.raises(UsageError, match="Conv2d needs out_channels and kernel_size") as caught:
        explain_layer("Conv2d", "3x32x32", {"padding": 1})
    assert caught.value.fix == "lamp explain Conv2d out_channels=… kernel_size=…"


def test_an_impossible_shape_is_explained() -> None:
    """A kernel larger than the picture, and settings that torch refuses, say why."""
    with pytest.raises(ModelError, match="the kernel is larger than the input"):
        explain_layer("Conv2d", "3x4x4", {"out_channels": 8, "kernel_size": 7})
    with pytest.raises(ModelError, match="multiple of num_heads"):
        explain_layer("MultiheadAttention", "10x64", {"num_heads": 7})


@pytest.mark.parametrize("text", ["3xax3", "0x3", "-1", "x", "3x32x", "99999999x99999999"])
def test_a_shape_that_is_none_is_refused(text: str) -> None:
    """The expected form is shown."""
    with pytest.raises(UsageError, match="expected a shape such as 3x32x32"):
        read_shape(text)


def test_values_are_read_as_python_and_never_run() -> None:
    """Numbers, tuples and truth values are read; anything else stays a text."""
    assert [read_value(v) for v in ("2", "0.5", "(1, 2)", "3x5", "true", "None", "same")] == [
        2, 0.5, (1, 2), (3, 5), True, None, "same",
    ]  # fmt: skip
    assert read_value("__import__('os').getcwd()") == "__import__('os').getcwd()"


def test_the_json_form_is_plain() -> None:
    """Everything in it can be written as JSON, and its keys are stable."""
    import json

    document = explain_layer(
        "Conv2d", "3x32x32", {"out_channels": 8, "kernel_size": "(3,5)"}
    ).as_json()
    assert json.loads(json.dumps(document)) == document
    assert {"name", "signature", "arguments", "input", "output", "formula", "parameters"} <= set(
        document
    )


@pytest.mark.parametrize(
    ("name", "input", "arguments", "message", "fix"),
    [
        (
            "Conv2d", "3x32x32", {"out_channels": "8", "kernel_size": "50"},
            "the kernel is larger than the input: along H and W the kernel covers 50, the input has 32\n"
            "  out = floor((in + 2·padding − dilation·(kernel − 1) − 1) / stride + 1)\n"
            "  H = floor((32 + 2·0 − 1·(50 − 1) − 1) / 1 + 1) = -17\n"
            "  W = floor((32 + 2·0 − 1·(50 − 1) − 1) / 1 + 1) = -17",
            "a larger input, more padding, or a kernel_size of at most 32: "
            "lamp explain Conv2d --input 3x32x32 out_channels=8 kernel_size=32",
        ),
        (
            "Conv1d", "3x30", {"out_channels": "8", "kernel_size": "20", "dilation": "3", "padding": "1"},
            "the kernel is larger than the input: along L the kernel covers 3·(20 − 1) + 1 = 58, the "
            "input has 30 + 2·1 = 32 with its padding\n"
            "  out = floor((in + 2·padding − dilation·(kernel − 1) − 1) / stride + 1)\n"
            "  L = floor((30 + 2·1 − 3·(20 − 1) − 1) / 1 + 1) = -25",
            "a larger input, more padding, or a kernel_size of at most 11: "
            "lamp explain Conv1d --input 3x30 out_channels=8 kernel_size=11 padding=1 dilation=3",
        ),
        (
            "MaxPool2d", "3x32x5", {"kernel_size": "7"},
            "the kernel is larger than the input: along W the kernel covers 7, the input has 5\n"
            "  out = floor((in + 2·padding − dilation·(kernel − 1) − 1) / stride + 1)\n"
            "  H = floor((32 + 2·0 − 1·(7 − 1) − 1) / 7 + 1) = 4\n"
            "  W = floor((5 + 2·0 − 1·(7 − 1) − 1) / 7 + 1) = 0",
            "a larger input, more padding, or a kernel_size of at most 7x5: "
            "lamp explain MaxPool2d --input 3x32x5 kernel_size=7x5",
        ),
        (
            "ConvTranspose2d", "3x4x4", {"out_channels": "8", "kernel_size": "1", "padding": "4"},
            "the padding cuts the whole output away: along H and W it takes 2·4 from a length of 4\n"
            "  out = (in − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1\n"
            "  H = (4 − 1)·1 − 2·4 + 1·(1 − 1) + 0 + 1 = -4\n"
            "  W = (4 − 1)·1 − 2·4 + 1·(1 − 1) + 0 + 1 = -4",
            "a larger input, or a padding of at most 1: "
            "lamp explain ConvTranspose2d --input 3x4x4 out_channels=8 kernel_size=1 padding=1",
        ),
    ],
    ids=["conv", "dilated", "one side", "transposed"],
)  # fmt: skip
def test_where_nothing_is_left(
    name: str, input: str, arguments: dict[str, str], message: str, fix: str
) -> None:
    """The side that is too short is worked through, and the command that is named works."""
    with pytest.raises(ModelError) as caught:
        explain_layer(name, input, arguments)
    assert caught.value.message == message
    assert caught.value.fix == fix
    mended = fix.split(f"--input {input} ")[1].split()
    found = explain_layer(name, input, dict(part.split("=") for part in mended))
    assert min(int(side) for side in found.output.split("×")[2:]) in (1, 2)  # hardly anything


def test_a_fault_of_another_kind_is_told_as_before() -> None:
    """A layer whose sizes are sound is not blamed for its sizes."""
    with pytest.raises(ModelError, match="it cannot take an input of 5×32×32"):
        explain_layer(
            "Conv2d", "5x32x32", {"in_channels": "3", "out_channels": "8", "kernel_size": "3"}
        )
