"""Errors of networks, losses and gradients: raised here, and explained from their real text."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision.models import VisionTransformer

from lamplighter.explain import Explanation

Case = tuple[str, Callable[[], object], str]
Explain = Callable[[Callable[[], object]], Explanation | None]
zeros = torch.zeros


def leaf(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, requires_grad=True)


def changed_in_place() -> None:
    values = torch.sigmoid(leaf(2))
    values += 1
    values.sum().backward()


def second_backward() -> None:
    loss = (leaf(2) ** 2).sum()
    loss.backward()
    loss.backward()


def leaf_in_place() -> None:
    weight = leaf(2)
    weight += 1


def inference_tensor() -> None:
    with torch.inference_mode():
        x = torch.ones(2, 2)
    nn.Linear(2, 2)(x).sum().backward()


def truth() -> None:
    if zeros(3):
        pass


def mse_spread() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.mse_loss(zeros(4, 1), zeros(4))


def vit(images: torch.Tensor) -> torch.Tensor:
    net = VisionTransformer(32, 16, num_layers=1, num_heads=1, hidden_dim=4, mlp_dim=4)
    return net(images)


CASES: list[Case] = [
    ("matmul-shape", lambda: nn.Linear(1024, 64)(zeros(64, 4096)), "64×8×8 where 1024 = 64×4×4"),
    ("matmul-shape", lambda: nn.Linear(1024, 64)(zeros(2, 16, 8, 8)), "never flattened"),
    ("matmul-shape", lambda: zeros(2, 3) @ zeros(4, 5), "3 is not 4"),
    ("conv-channels", lambda: nn.Conv2d(3, 8, 3)(zeros(2, 1, 8, 8)), "wants 3 channels and got 1"),
    ("conv-channels", lambda: nn.Conv2d(3, 8, 3)(zeros(2, 32, 30, 3)), "height × width × channels"),
    ("conv-channels", lambda: nn.Conv2d(3, 8, 3)(zeros(2, 4, 9, 9)), "transparency"),
    ("conv-dimensions", lambda: nn.Conv2d(1, 8, 3)(zeros(28, 28)), "28×28, 2 dimensions"),
    ("conv-dimensions", lambda: nn.Conv1d(1, 8, 3)(zeros(1, 1, 2, 28)), "batch × channels × length"),
    ("kernel-larger-than-input", lambda: nn.Conv2d(3, 8, 7)(zeros(1, 3, 4, 4)), "kernel (7 x 7)"),
    ("pooling-too-small", lambda: nn.MaxPool2d(4)(zeros(1, 3, 2, 2)), "3×0×0 out of 3×2×2"),
    ("batchnorm-one-sample", lambda: nn.BatchNorm1d(4)(zeros(1, 4)), "1×4 holds one value"),
    ("batchnorm-one-sample", lambda: nn.InstanceNorm2d(4)(zeros(1, 4, 1, 1)), "one value"),
    ("norm-channels", lambda: nn.BatchNorm2d(4)(zeros(2, 8, 3, 3)), "8 channels"),
    ("norm-dimensions", lambda: nn.BatchNorm2d(4)(zeros(2, 4)), "wants a 4D input and got a 2D"),
    ("layer-norm-shape", lambda: nn.LayerNorm(4)(zeros(2, 8)), "wants them to be 4"),
    ("group-norm-channels", lambda: nn.GroupNorm(2, 4)(zeros(2, 8, 3)), "8×3 has 8"),
    ("divisible", lambda: nn.GroupNorm(3, 4), "4 / 3"),
    ("divisible", lambda: nn.Conv2d(3, 8, 3, groups=2), "in_channels does not divide"),
    ("view-not-contiguous", lambda: zeros(2, 3).t().view(6), "re-reads the memory"),
    ("view-size", lambda: zeros(2, 3).view(-1, 5), "6 is no multiple of 5"),
    ("view-size", lambda: zeros(3, 4).view(8, 4), "a batch of 3"),
    ("broadcast", lambda: zeros(3, 4) + zeros(3, 5), "one has 4 and the other 5"),
    ("cat-sizes", lambda: torch.cat([zeros(2, 3), zeros(2, 4)]), "tensor 1 (counted from 0) has 4"),
    ("cat-empty", lambda: torch.cat([]), "empty list"),
    ("cat-empty", lambda: torch.stack([]), "empty list"),
    ("dimension-out-of-range", lambda: F.softmax(zeros(3), dim=1), "dim=1 was asked"),
    ("permute-dimensions", lambda: zeros(3, 4).permute(0, 1, 2), "2 dimensions and permute named 3"),
    ("ambiguous-truth", truth, "more than one value"),
    ("not-a-scalar", lambda: zeros(3).item(), "holds 3"),
    ("index-out-of-range", lambda: zeros(3)[5], "Index 5"),
    ("dtype-matmul", lambda: nn.Linear(3, 2)(zeros(2, 3, dtype=torch.long)), "int64"),
    ("dtype-matmul", lambda: nn.Linear(3, 2)(zeros(2, 3, dtype=torch.double)), "float64"),
    ("dtype-matmul", lambda: nn.Linear(3, 2)(zeros(2, 3, dtype=torch.half)), "float16"),
    ("dtype-layer", lambda: nn.Conv2d(3, 8, 3)(zeros(2, 3, 8, 8, dtype=torch.uint8)), "uint8"),
    ("dtype-layer", lambda: nn.Conv2d(3, 8, 3)(zeros(2, 3, 8, 8, dtype=torch.double)), "float64"),
    ("dtype-not-implemented", lambda: nn.AdaptiveAvgPool2d(2)(zeros(2, 3, 8, 8, dtype=torch.long)), "works on fractions"),
    ("dtype-embedding", lambda: nn.Embedding(5, 2)(torch.tensor([1.0])), "FloatTensor"),
    ("dtype-expected", lambda: F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1])), "int64"),
    ("dtype-expected", lambda: F.conv2d(zeros(1, 3, 8, 8, dtype=torch.half), zeros(8, 3, 3, 3)), "float16"),
    ("dtype-result", lambda: F.binary_cross_entropy_with_logits(torch.tensor([0.5]), torch.tensor([1])), "Float values into a Long"),
    ("dtype-mean", lambda: zeros(2, dtype=torch.long).mean(), "mean() of Long"),
    ("numpy-object", lambda: torch.tensor(np.array([object()])), "object"),
    ("numpy-negative-stride", lambda: torch.from_numpy(np.zeros(3)[::-1]), "backwards"),
    ("ragged-list", lambda: torch.tensor([[1, 2], [1]]), "one has 2 and another 1"),
    ("not-a-tensor", lambda: nn.Linear(2, 2)(nn.LSTM(2, 2)(zeros(2, 2, 2))), "is a tuple"),
    ("not-a-tensor", lambda: nn.Linear(2, 2)(np.zeros((2, 2))), "NumPy array"),
    ("label-out-of-range", lambda: F.cross_entropy(zeros(2, 10), torch.tensor([10, 1])), "at least 11 outputs"),
    ("label-out-of-range", lambda: F.cross_entropy(zeros(2, 10), torch.tensor([-1, 1])), "A label is -1"),
    ("class-index-dtype", lambda: F.cross_entropy(zeros(2, 3), zeros(2)), "got Float"),
    ("class-index-dtype", lambda: F.cross_entropy(zeros(2, 3), zeros(2, dtype=torch.int32)), "got Int"),
    ("class-probabilities-dtype", lambda: F.cross_entropy(zeros(2, 3), zeros(2, 3, dtype=torch.long)), "they are Long"),
    ("cross-entropy-target-shape", lambda: F.cross_entropy(zeros(2, 3), zeros(2, 1, dtype=torch.long)), "one per sample"),
    ("loss-batch-size", lambda: F.cross_entropy(zeros(8, 3), zeros(4, dtype=torch.long)), "8 / 4 = 2"),
    ("segmentation-target", lambda: F.cross_entropy(zeros(2, 10, 4, 4), zeros(2, 4, 4, 10)), "4 dimensions"),
    ("segmentation-target", lambda: F.cross_entropy(zeros(2, 10, 4, 4), zeros(2, 5, 5, dtype=torch.long)), "2×5×5"),
    ("loss-weights", lambda: F.cross_entropy(zeros(2, 10), torch.tensor([1, 1]), weight=torch.ones(3)), "10 outputs and 3"),
    ("bce-input-range", lambda: F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0])), "outside 0…1"),
    ("bce-target-range", lambda: F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([2.0])), "1 and 2"),
    ("bce-shape", lambda: F.binary_cross_entropy(torch.rand(2, 1), torch.ones(2)), "dimension of size 1"),
    ("bce-shape", lambda: F.binary_cross_entropy_with_logits(zeros(2, 3), zeros(2)), "answers 2×3"),
    ("loss-broadcast", mse_spread, "compared with every target"),
    ("one-hot-range", lambda: F.one_hot(torch.tensor([3]), 3), "0 to num_classes"),
    ("changed-in-place", changed_in_place, "output 0 of Sigmoid"),
    ("second-backward", second_backward, "frees the graph"),
    ("no-gradient", lambda: zeros(1).sum().backward(), "no_grad()"),
    ("leaf-in-place", leaf_in_place, "in place while gradients"),
    ("backward-needs-scalar", lambda: (leaf(2) * 2).backward(), "starts from one number"),
    ("numpy-requires-grad", lambda: leaf(2).numpy(), "leave the graph"),
    ("inference-tensor", inference_tensor, "inference_mode"),
    ("deepcopy-graph", lambda: copy.deepcopy(leaf(2) * 2), "attribute"),
    ("embedding-out-of-range", lambda: nn.Embedding(5, 2)(torch.tensor([5])), "rows 0 to n"),
    ("rnn-dimensions", lambda: nn.LSTM(4, 8)(zeros(2, 3, 4, 5)), "4 dimensions came"),
    ("rnn-input-size", lambda: nn.LSTM(4, 8)(zeros(2, 3, 5)), "input_size=4"),
    ("rnn-hidden-size", lambda: nn.LSTM(4, 8, batch_first=True)(zeros(2, 3, 4), (zeros(1, 3, 8),) * 2), "should be 1×2×8"),
    ("rnn-hidden-dimensions", lambda: nn.GRU(4, 8)(zeros(2, 3, 4), zeros(2, 8)), "has 3 dimensions"),
    ("packed-lengths", lambda: nn.utils.rnn.pack_padded_sequence(zeros(3, 2, 4), torch.tensor([1, 3])), "sorted"),
    ("attention-heads", lambda: nn.MultiheadAttention(10, 3), "multiple of num_heads"),
    ("attention-size", lambda: nn.MultiheadAttention(12, 3)(*[zeros(2, 3, 10)] * 3), "embed_dim=12"),
    ("attention-mask", lambda: nn.MultiheadAttention(12, 3)(*[zeros(2, 3, 12)] * 3, attn_mask=zeros(5, 5)), "should be (2, 2)"),
    ("class-probabilities-dtype", lambda: nn.CrossEntropyLoss()(zeros(4, 3).argmax(1), zeros(4, dtype=torch.long)), "argmax was taken"),
    ("batched-matmul-shape", lambda: torch.bmm(zeros(2, 3, 4), zeros(2, 5, 6)), "begins 2×5"),
    ("matrix-vector-shape", lambda: zeros(3, 4) @ zeros(5), "3×4 and the vector has 5"),
    ("expand-shape", lambda: zeros(3, 2).expand(4, 2), "has 3 entries and 4 are wanted"),
    ("mask-shape", lambda: zeros(3)[torch.ones(4, dtype=torch.bool)], "mask is [4] and the tensor [3]"),
    ("cat-dimensions", lambda: torch.cat([zeros(2, 3), zeros(2)]), "2 and 1 dimensions"),
    ("texts-as-numbers", lambda: torch.tensor(["cat", "dog"]), "given texts"),
    ("index-dtype", lambda: zeros(3)[torch.tensor([1.0])], "fractions was used"),
    ("bool-arithmetic", lambda: torch.ones(2, dtype=torch.bool) - torch.ones(2, dtype=torch.bool), "subtracted"),
    ("numpy-broadcast", lambda: np.zeros(2) + np.zeros(3), "(2,) and (3,)"),
    ("picture-size-fixed", lambda: vit(zeros(1, 3, 40, 40)), "of 32 pixels, and the height is 40"),
    ("loader-setting", lambda: DataLoader([1], batch_size=0), "batch_size is 0"),
    ("loader-setting", lambda: DataLoader([1], prefetch_factor=2), "prefetch_factor is for workers"),
    ("scaler-unused", lambda: torch.amp.GradScaler("cpu").step(torch.optim.SGD([leaf(1)], 0.1)), "never was"),
    ("step-argument", lambda: torch.optim.LBFGS([leaf(1)]).step(), "LBFGS.step() wants `closure`"),
    ("name-missing", lambda: nn.Conv2D(3, 3, 3), "no Conv2D"),
    ("device-name", lambda: torch.device("gpu"), "called gpu"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fails", "says"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_an_error_that_torch_raises_is_explained(
    kind: str, fails: Callable[[], object], says: str, explain_failure: Explain
) -> None:
    """The real error is recognised as its kind, its own figures are told, and there is a fix."""
    found = explain_failure(fails)
    assert found is not None
    assert found.kind == kind
    assert says in found.meaning
    assert found.fixes
    assert all("{" not in line or "f'" in line or "{name" in line for line in found.fixes)


def test_the_place_is_the_persons_own_last_line_and_the_layer_is_named(
    explain_failure: Explain,
) -> None:
    """Frames inside torch are passed over, and the layer's name is taken from the own line."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(1024, 64)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.flatten(x, 1)
            x = self.fc1(x)
            return x  # noqa: RET504 - the line above is what the test looks for

    found = explain_failure(lambda: Net()(zeros(2, 64, 8, 8)))
    assert found is not None
    assert found.place is not None
    assert Path(found.place.file).name == Path(__file__).name
    assert found.place.code == "x = self.fc1(x)"
    assert found.layer == "self.fc1 (Linear)"


def test_a_picture_without_batch_is_told_to_get_one(explain_failure: Explain) -> None:
    """BatchNorm that misses one dimension most often misses the batch."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    found = explain_failure(lambda: net(zeros(3, 9, 9)))
    assert found is not None
    assert found.kind == "norm-dimensions"
    assert found.fixes[0].startswith("x = x.unsqueeze(0)")
