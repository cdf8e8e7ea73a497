"""Slips of Python, refused settings and values: raised here, and explained from their real text."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.distributions import Normal
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
from torchvision import transforms as T

from lamplighter.explain import Explanation

Case = tuple[str, Callable[[], object], str]
Explain = Callable[[Callable[[], object]], Explanation | None]
zeros = torch.zeros


def leaf(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, requires_grad=True)


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([leaf(1)], lr=0.1)


def loss_called_twice() -> None:
    loss: object = nn.MSELoss()
    for _ in range(2):
        loss = loss(zeros(1), zeros(1))


def two_of_three() -> None:
    images, labels = next(iter(DataLoader([(1, 2, 3)])))
    print(images, labels)


def three_of_two() -> None:
    images, labels, names = next(iter(DataLoader([(1, 2)])))
    print(images, labels, names)


def frozen_result() -> None:
    x = leaf(2) * 2
    x.requires_grad = False


def wrong_gradient() -> None:
    weight = leaf(2)
    weight.grad = zeros(3)


def stepped_too_far() -> None:
    optimizer = sgd()
    schedule = OneCycleLR(optimizer, 0.1, total_steps=2)
    for _ in range(3):
        optimizer.step()
        schedule.step()


class Net(nn.Module):
    """Takes nothing when it is made."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Plain(nn.Module):
    """Has an __init__ of its own that takes nothing."""

    def __init__(self) -> None:
        super().__init__()


def twice() -> None:
    weight = leaf(1)
    torch.optim.SGD([weight], lr=0.1).add_param_group({"params": [weight]})


TWO_KEYS = [{"a": 1, "b": 2}, {"a": 1}]
WEIGHTED = WeightedRandomSampler([1.0, 2.0], 5, replacement=False)

CASES: list[Case] = [
    ("tensor-called", loss_called_twice, "now holds a Tensor"),
    ("loader-as-list", lambda: DataLoader([1])[0], "no n-th batch"),
    ("loader-as-list", lambda: iter(DataLoader([1])).next(), "no .next()"),
    ("unpacking", two_of_three, "takes 2 values apart and there are more"),
    ("unpacking", three_of_two, "takes 3 values apart and got 2"),
    ("name-undefined", lambda: eval("nn.Linear(2, 2)", {}), "`nn` stands nowhere"),
    ("arguments-of-the-class", lambda: Plain(zeros(2)), "`Plain(…)` makes a network"),
    ("argument-missing", lambda: Net.parameters(), "on the class and not on an object"),
    ("argument-missing", lambda: nn.Linear(3), "called without 'out_features'"),
    ("argument-missing", lambda: CosineAnnealingLR(sgd()), "called without 'T_max'"),
    ("method-not-called", lambda: torch.optim.SGD(Net().parameters, lr=0.1), "parentheses are missing"),
    ("nothing-in-arithmetic", lambda: zeros(2) + None, "One of the two is None"),
    ("number-of-no-dimension", lambda: len(zeros(())), "one number without any dimension"),
    ("number-of-no-dimension", lambda: list(zeros(())), "nothing to walk over"),
    ("too-many-indices", lambda: zeros(3)[:, 0], "has 1 dimension(s)"),
    ("tensors-not-a-list", lambda: torch.cat(zeros(2), zeros(2)), "got a Tensor"),
    ("tensors-not-a-list", lambda: torch.stack([zeros(2), None]), "Element 1 of the list is a NoneType"),
    ("infer-dtype", lambda: torch.tensor({"a": 1}), "A dict holds no plain numbers"),
    ("infer-dtype", lambda: zeros(2, dtype=torch.bfloat16).numpy(), "NumPy has no BFloat16"),
    ("layer-size-no-number", lambda: nn.Linear(32 * 7 / 2, 10), "size of type float"),
    ("layer-size-no-number", lambda: nn.Conv2d(3, 8.0, 3), "size of type float"),
    ("layer-name", lambda: nn.ModuleDict({"a.b": nn.ReLU()}), "no name may hold one"),
    ("layer-name", lambda: nn.Linear(1, 1).register_buffer("weight", zeros(1)), "`weight` is already"),
    ("samples-with-other-keys", lambda: list(DataLoader(TWO_KEYS, batch_size=2)), "has 'b'"),
    ("dropout-probability", lambda: nn.Dropout(50), "50 was given"),
    ("reduction-name", lambda: F.mse_loss(zeros(2), zeros(2), reduction="avg"), "'avg' is none of them"),
    ("plateau-mode", lambda: ReduceLROnPlateau(sgd(), mode="maximum"), "'maximum' is neither"),
    ("schedule-over", stepped_too_far, "planned for 2 steps and is asked for step 3"),
    ("schedule-length", lambda: OneCycleLR(sgd(), 0.1), "needs its number of steps"),
    ("parameter-twice", twice, "stands in two groups"),
    ("lbfgs-groups", lambda: torch.optim.LBFGS([{"params": [leaf(1)]}, {"params": [leaf(1)]}]), "one learning rate"),
    ("setting-as-text", lambda: torch.optim.SGD([leaf(1)], lr="0.1"), "is a text and no number"),
    ("padding-same-stride", lambda: nn.Conv2d(3, 3, 3, padding="same", stride=2), "cannot stay the same"),
    ("pooling-padding", lambda: nn.MaxPool2d(2, padding=2)(zeros(1, 1, 4, 4)), "window of 2 may be padded by at most half"),
    ("reflect-padding", lambda: F.pad(zeros(1, 1, 3, 4), (5, 5, 5, 5), mode="reflect"), "smaller than dimension 3"),
    ("padding-dimensions", lambda: F.pad(zeros(3, 4), (1, 1, 1, 1), mode="reflect"), "4 numbers do not fit a 2D tensor"),
    ("resizing", lambda: F.interpolate(zeros(3, 4), scale_factor=2), "has 2 dimensions"),
    ("resizing", lambda: F.interpolate(zeros(1, 3, 4), scale_factor=2, mode="bilinear"), "works on 4 dimensions and 3 came"),
    ("resizing", lambda: F.interpolate(zeros(1, 1, 3, 4), scale_factor=2, size=(3, 3)), "not both"),
    ("pixel-shuffle", lambda: nn.PixelShuffle(2)(zeros(1, 3, 4, 4)), "3 is no multiple of 4"),
    ("prelu-channels", lambda: nn.PReLU(5)(zeros(2, 3)), "5 slopes and the input 3"),
    ("weights-as-list", lambda: nn.CrossEntropyLoss(weight=[1, 1]), "`weight` has to be a tensor"),
    ("gradient-of-integers", lambda: torch.zeros(2, dtype=torch.long, requires_grad=True), "holds whole numbers"),
    ("freeze-a-result", frozen_result, "not on what was computed"),
    ("grad-not-kept", lambda: zeros(2).retain_grad(), "hangs on no weight"),
    ("grad-assigned", wrong_gradient, "gradient is [3] and its tensor [2]"),
    ("not-in-the-graph", lambda: torch.autograd.grad(leaf(1).sum(), leaf(1)), "was not computed from"),
    ("sparse-to-numpy", lambda: zeros(2).to_sparse().numpy(), "is sparse"),
    ("distribution-values", lambda: Normal(zeros(1), -torch.ones(1), validate_args=True), "`scale` has to be GreaterThan"),
    ("sample-without-replacement", lambda: list(WEIGHTED), "none may be drawn twice"),
    ("matrix-singular", lambda: torch.linalg.inv(zeros(2, 2)), "cannot be inverted"),
    ("nothing-to-reduce", lambda: zeros(0).argmax(), "without any element"),
    ("einsum-sizes", lambda: torch.einsum("ij,jk->ik", zeros(2, 3), zeros(4, 5)), "`j` is 3 in one operand and 4"),
    ("index-kind", lambda: zeros(2, 3).gather(1, zeros(2, 3)), "whole numbers"),
    ("index-kind", lambda: torch.where(zeros(2), 1, 2), "got Float"),
    ("topk-too-many", lambda: zeros(3).topk(5), "larger than the dimension"),
    ("tensor-dataset-sizes", lambda: TensorDataset(zeros(3), zeros(4)), "not equally long"),
    ("target-size", lambda: F.nll_loss(zeros(2, 3, 4), torch.zeros(2, 5, dtype=torch.long)), "have to be (2, 4)"),
    ("ctc-lengths", lambda: F.ctc_loss(zeros(5, 2, 3), torch.ones(2, 3, dtype=torch.long), torch.tensor([9, 5]), torch.tensor([2, 2])), "is 9, and there are only 5"),
    ("padding-mask-shape", lambda: nn.MultiheadAttention(4, 1, batch_first=True)(*[zeros(2, 3, 4)] * 3, key_padding_mask=zeros(3, 2).bool()), "has to be 2 and is 3"),
    ("transformer-input", lambda: nn.TransformerEncoderLayer(8, 2)(zeros(2, 2, 3, 8)), "4 dimensions came"),
    ("transformer-input", lambda: nn.Transformer(8, 2, 1, 1)(zeros(3, 2, 8), zeros(3, 2, 6)), "d_model features"),
    ("rnn-dtype", lambda: nn.LSTM(2, 2)(zeros(2, 2, 2).double()), "input is torch.float64"),
    ("no-sequences", lambda: pad_sequence([]), "empty list"),
    ("permute-twice", lambda: zeros(2, 3).permute(0, 0), "named once"),
    ("unflatten-sizes", lambda: nn.Unflatten(1, (2, 2))(zeros(1, 5)), "has 5 entries"),
    ("picture-mode", lambda: Image.new("RGBA", (4, 4)).save(io.BytesIO(), "JPEG"), "JPEG knows no RGBA"),
    ("picture-channels", lambda: T.ToPILImage()(zeros(5, 8, 8)), "5 came"),
    ("transform-of-no-picture", lambda: T.Resize((4, 4))(zeros(4)), "fewer dimensions"),
    ("text-encoding", lambda: b"\xff\xfe".decode("utf-8"), "no utf-8 text (byte 0xff at 0)"),
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


def test_a_key_error_of_the_persons_own_dictionary_is_not_taken_for_a_batch(
    explain_failure: Explain,
) -> None:
    """Only a key that the loader missed while it made a batch is explained as one."""
    found = explain_failure(lambda: {"a": 1}["label"])
    assert found is None
