"""What each family of layers takes, and tensors of that kind to run it with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamplighter.errors import UsageError

if TYPE_CHECKING:
    import torch

BATCH = 2  # BatchNorm and losses want more than one sample


def _family_table() -> dict[str, str]:
    table: dict[str, str] = {}
    for n in (1, 2, 3):
        for name in ("Conv", "ConvTranspose", "LazyConv", "LazyConvTranspose"):
            table[f"{name}{n}d"] = f"spatial{n}"
        for name in ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool"):
            table[f"{name}{n}d"] = f"spatial{n}"
        for name in ("BatchNorm", "InstanceNorm", "LazyBatchNorm", "LazyInstanceNorm"):
            table[f"{name}{n}d"] = f"norm{n}" if name.endswith("BatchNorm") else f"spatial{n}"
        table[f"Dropout{n}d"] = f"spatial{n}"
        for name in ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
            table[f"{name}{n}d"] = f"spatial{n}"
    for name in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "PixelShuffle"):
        table[name] = "spatial2"
    table |= {
        "PixelUnshuffle": "spatial2",
        "GroupNorm": "channels",
        "LocalResponseNorm": "channels",
    }
    table |= {"Linear": "features", "LazyLinear": "features", "Bilinear": "pair"}
    table |= {"LayerNorm": "features", "RMSNorm": "features"}
    table |= {"Embedding": "tokens", "EmbeddingBag": "tokens"}
    table |= {"LSTM": "sequence", "GRU": "sequence", "RNN": "sequence"}
    table |= {"LSTMCell": "features", "GRUCell": "features", "RNNCell": "features"}
    table |= {"MultiheadAttention": "attention", "TransformerEncoderLayer": "sequence"}
    table |= {"CrossEntropyLoss": "classes", "NLLLoss": "classes", "MultiMarginLoss": "classes"}
    for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss"):
        table[name] = "targets"
    table |= {
        "KLDivLoss": "targets",
        "PoissonNLLLoss": "targets",
        "MultiLabelSoftMarginLoss": "targets",
    }
    return table


FAMILY = _family_table()

TAKES: Mapping[str, str] = {
    "spatial1": "fractions of shape B×C×L: batch, channels, length",
    "spatial2": "fractions of shape B×C×H×W: batch, channels, height, width",
    "spatial3": "fractions of shape B×C×D×H×W: batch, channels, depth, height, width",
    "norm1": "fractions of shape B×C or B×C×L: batch, channels (features), length",
    "norm2": "fractions of shape B×C×H×W: batch, channels, height, width",
    "norm3": "fractions of shape B×C×D×H×W: batch, channels, depth, height, width",
    "channels": "fractions of shape B×C×…: batch, channels, anything",
    "features": "fractions of shape B×…×F: the last dimension is what the layer works on",
    "pair": "two tensors of fractions, B×…×F1 and B×…×F2",
    "tokens": "whole numbers (int64) from 0 to num_embeddings − 1, of any shape",
    "sequence": "fractions of shape L×B×F (B×L×F with batch_first=True): length, batch, features",
    "attention": "query, key and value, each L×B×E (B×L×E with batch_first=True)",
    "classes": "raw outputs (logits) B×C or B×C×H×W, and labels: whole numbers (int64) B or B×H×W "
    "from 0 to C − 1, or probabilities of the outputs' own shape",
    "targets": "answers and targets of one and the same shape, both fractions",
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a layer is run with: tensors on the meta device, and how their shape is written."""

    tensors: tuple[torch.Tensor, ...]
    written: str
    batch_at: int = 0
    rest_batch_at: int = 0

    def write_output(self, result: Any) -> str:
        """The output's shape with B for the batch; several joined by "and"."""
        import torch

        if isinstance(result, torch.Tensor):
            return write_shape(tuple(result.shape), self.batch_at)
        first, *rest = _tensors(result)
        later = [write_shape(tuple(part.shape), self.rest_batch_at) for part in rest]
        return " and ".join([write_shape(tuple(first.shape), self.batch_at), *later])


def _tensors(result: Any) -> list[torch.Tensor]:
    """All tensors of a result such as (outputs, (hidden, cell)), in order."""
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in _tensors(part)]
    return [] if result is None else [result]


def write_shape(shape: tuple[int, ...], batch_at: int = 0) -> str:
    """A shape with B where the batch is: (2, 3, 32, 32) → "B×3×32×32"; a single number → "one number"."""
    if not shape:
        return "one number"
    return "×".join(
        "B" if at == batch_at and size == BATCH else str(size) for at, size in enumerate(shape)
    )


def infer_arguments(kind: str, sample: tuple[int, ...]) -> dict[str, Any]:
    """The arguments that follow from the input's shape, such as in_channels."""
    if not sample:
        return {}
    family = FAMILY.get(kind, "")
    last, channels = sample[-1], sample[0]
    if family.startswith(("spatial", "norm")):
        dims = int(family[-1])
        if len(sample) == dims + 2:
            channels = sample[1]
        return {"in_channels": channels, "num_features": channels}
    if family == "channels":
        return {"num_channels": channels}
    if kind == "LayerNorm" or kind == "RMSNorm":
        return {"normalized_shape": last}
    if family in ("features", "sequence", "attention", "pair"):
        return {
            "in_features": last,
            "in1_features": last,
            "in2_features": last,
            "input_size": last,
            "embed_dim": last,
            "d_model": last,
        }
    return {}


def make_inputs(kind: str, layer: torch.nn.Module, sample: tuple[int, ...]) -> Inputs:
    """Tensors of the right kind for one run of the layer.

    Args:
        kind: class name of the layer.
        layer: the layer, on the meta device.
        sample: shape of one sample, without batch, or with it where the layer's number of
            dimensions shows that.

    Raises:
        UsageError: the layer cannot be run from a shape alone.
    """
    import torch

    family = FAMILY.get(kind, "any")
    sample = _without_batch(family, sample)
    written = f"B×{'×'.join(map(str, sample))}"
    with torch.device("meta"):
        if family == "tokens":
            return Inputs((torch.zeros(BATCH, *sample, dtype=torch.long),), written)
        if family in ("sequence", "attention"):
            return _sequence(layer, sample, family)
        if family == "classes":
            labels = torch.zeros(BATCH, *sample[1:], dtype=torch.long)
            logits = torch.zeros(BATCH, *sample)
            target = "×".join(["B", *map(str, sample[1:])])
            return Inputs((logits, labels), f"{written} and labels {target}", -1)
        if family == "targets":
            pair = (torch.zeros(BATCH, *sample), torch.zeros(BATCH, *sample))
            return Inputs(pair, f"{written} and targets {written}", -1)
        if family == "pair":
            return Inputs((torch.zeros(BATCH, *sample), torch.zeros(BATCH, *sample)), written)
        if re.search(r"Loss$", kind):
            raise UsageError(
                f"{kind} cannot be run from one shape; its arguments are explained without --input",
                where="--input",
                fix=f"lamp explain {kind}",
            )
        return Inputs((torch.zeros(BATCH, *sample),), written)


def _without_batch(family: str, sample: tuple[int, ...]) -> tuple[int, ...]:
    found = re.fullmatch(r"(spatial|norm)(\d)", family)
    if not found:
        return sample
    whole = int(found[2]) + 1
    return sample[1:] if len(sample) == whole + 1 else sample


def _sequence(layer: torch.nn.Module, sample: tuple[int, ...], family: str) -> Inputs:
    import torch

    if len(sample) != 2:
        raise UsageError(
            f"expected length and features, such as 20x64, got {'x'.join(map(str, sample))}",
            where="--input",
            fix="lamp explain LSTM --input 20x64 hidden_size=128",
        )
    length, features = sample
    attention = getattr(layer, "self_attn", layer)
    batch_first = bool(getattr(attention, "batch_first", False))
    shape = (BATCH, length, features) if batch_first else (length, BATCH, features)
    tensor = torch.zeros(*shape)
    at = 0 if batch_first else 1
    tensors = (tensor, tensor, tensor) if family == "attention" else (tensor,)
    # states are layers × batch × hidden in any case, attention weights batch × length × length
    return Inputs(tensors, write_shape(shape, at), at, 1 if family == "sequence" else 0)
