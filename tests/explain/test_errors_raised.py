"""Every kind that can be raised on a CPU is raised here and explained from its real text."""

from __future__ import annotations

import copy
import io
import os
import socket
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, random_split
from torchvision import transforms as T

from lamplighter.explain import Explanation, explain_traceback

Case = tuple[str, Callable[[], object], str]
zeros = torch.zeros


def explain_failure(fails: Callable[[], object]) -> Explanation | None:
    """The explanation of the traceback that `fails` ends with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fails()
    except BaseException:
        return explain_traceback(traceback.format_exc())
    raise AssertionError("nothing was raised")


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


class Endless(Dataset):
    """A data set without __getitem__."""

    def __len__(self) -> int:
        return 3


class Lengthless(Dataset):
    """A data set without __len__."""


class Streamless(IterableDataset):
    """A stream without __iter__."""


class Uneven(Dataset):
    """Samples that grow."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> torch.Tensor:
        return zeros(3, 4 + index, 4)


class NoSuper(nn.Module):
    """Forgets its parent."""

    def __init__(self) -> None:
        self.layer = nn.Linear(2, 2)


class NoSuperNumber(nn.Module):
    """Forgets its parent and sets no layer."""

    def __init__(self) -> None:
        self.number = 3

    def forward(self, x: object) -> object:
        return x


class NoForward(nn.Module):
    """Has no forward."""


class Two(nn.Module):
    """Wants two inputs."""

    def forward(self, x: object, y: object) -> object:
        return x


class Typo(nn.Module):
    """Uses a layer that it does not have."""

    def forward(self, x: object) -> object:
        return self.conv1(x)


def saved(thing: object, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    torch.save(thing, buffer, **options)
    buffer.seek(0)
    return buffer


def load_without_module() -> None:
    module = types.ModuleType("gone_module")
    net = type("Net", (), {"__module__": "gone_module"})
    module.Net = net  # type: ignore[attr-defined]
    sys.modules["gone_module"] = module
    try:
        buffer = saved(net())
    finally:
        del sys.modules["gone_module"]
    torch.load(buffer, weights_only=False)


def load_without_class() -> None:
    module = types.ModuleType("half_gone")
    net = type("Net", (), {"__module__": "half_gone"})
    module.Net = net  # type: ignore[attr-defined]
    sys.modules["half_gone"] = module
    try:
        buffer = saved(net())
        del module.Net  # type: ignore[attr-defined]
        torch.load(buffer, weights_only=False)
    finally:
        del sys.modules["half_gone"]


def truncated_picture() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "JPEG")
    Image.open(io.BytesIO(buffer.getvalue()[:1000])).load()


def bomb_picture() -> None:
    buffer = io.BytesIO()
    Image.new("1", (20, 20)).save(buffer, "PNG")
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 10
    try:
        Image.open(io.BytesIO(buffer.getvalue()))
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def other_optimizer() -> None:
    layer = nn.Linear(2, 2)
    saved_state = torch.optim.SGD([layer.weight], lr=0.1).state_dict()
    torch.optim.SGD(layer.parameters(), lr=0.1).load_state_dict(saved_state)


def compile_prints() -> None:
    @torch.compile(fullgraph=True, backend="eager")
    def step(x: torch.Tensor) -> torch.Tensor:
        print(x)
        return x

    step(zeros(2))


def compile_backend() -> None:
    def broken(graph: object, inputs: object) -> object:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    torch.compile(lambda x: x + 1, backend=broken)(zeros(2))


def taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        torch.distributed.TCPStore("127.0.0.1", taken.getsockname()[1], 1, True)


def mse_spread() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.mse_loss(zeros(4, 1), zeros(4))


def without_rank() -> None:
    kept = {name: os.environ.pop(name) for name in ("RANK", "WORLD_SIZE") if name in os.environ}
    try:
        torch.distributed.init_process_group("gloo", init_method="env://")
    finally:
        os.environ.update(kept)


GREY = Image.new("L", (8, 8))

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
    ("size-mismatch", lambda: nn.Sequential(nn.Linear(2, 10)).load_state_dict(nn.Sequential(nn.Linear(2, 1000)).state_dict()), "1000 outputs there and this model has 10"),
    ("state-dict-keys", lambda: nn.Linear(2, 2).load_state_dict({"module.weight": zeros(2, 2), "module.bias": zeros(2)}), "'module.' in front"),
    ("state-dict-keys", lambda: nn.Linear(2, 2).load_state_dict({"epoch": 3, "state_dict": {}}), "parts of a checkpoint"),
    ("state-dict-type", lambda: nn.Linear(2, 2).load_state_dict(nn.Linear(2, 2)), "holds a whole model"),
    ("dict-not-model", lambda: nn.Linear(2, 2).state_dict().eval(), "gave a dictionary"),
    ("weights-only-refused", lambda: torch.load(saved(nn.Linear(2, 2))), "torch.nn.modules.linear.Linear"),
    ("not-a-checkpoint", lambda: torch.load(io.BytesIO(b"<!DOCTYPE html>")), "web page"),
    ("broken-checkpoint", lambda: torch.load(io.BytesIO(saved(zeros(99)).getvalue()[:600])), "damaged"),
    ("empty-checkpoint", lambda: torch.load(io.BytesIO(b"")), "holds nothing"),
    ("class-missing", load_without_class, "class `Net` in module `half_gone`"),
    ("package-missing", load_without_module, "lives in module `gone_module`"),
    ("package-missing", lambda: __import__("not_a_package_at_all"), "finds no `not_a_package_at_all`"),
    ("optimizer-state", other_optimizer, "other parameters"),
    ("model-name", lambda: torchvision.models.get_model("resnet1"), "resnet1"),
    ("to-tensor-on-tensor", lambda: T.ToTensor()(zeros(3, 4, 4)), "torch.Tensor"),
    ("normalize-on-picture", lambda: T.Normalize([0.5], [0.5])(GREY), "before ToTensor"),
    ("transform-on-array", lambda: T.Resize(4)(np.zeros((4, 4, 3))), "numpy.ndarray"),
    ("normalize-integers", lambda: T.Normalize([0.5], [0.5])(zeros(1, 4, 4, dtype=torch.uint8)), "uint8"),
    ("normalize-channels", lambda: T.Normalize([0.5] * 3, [0.5] * 3)(zeros(1, 4, 4)), "1 channel(s)"),
    ("normalize-zero-std", lambda: T.Normalize([0.5], [0])(zeros(1, 4, 4)), "given values is 0"),
    ("crop-larger-than-picture", lambda: T.RandomCrop(32)(zeros(3, 8, 8)), "(32, 32)"),
    ("to-pil-dimensions", lambda: T.ToPILImage()(zeros(1, 3, 8, 8)), "4 dimensions"),
    ("picture-unreadable", lambda: Image.open(io.BytesIO(b"hello")), "no picture"),
    ("picture-truncated", truncated_picture, "ends before the picture"),
    ("picture-bomb", bomb_picture, "400 pixels"),
    ("no-such-file", lambda: torchvision.datasets.ImageFolder("/no/such/folder"), "/no/such/folder"),
    ("dataset-not-downloaded", lambda: torchvision.datasets.MNIST("/no/such/folder"), "not complete"),
    ("super-init-missing", NoSuper, "__init__"),
    ("super-init-missing", lambda: NoSuperNumber()(1), "__init__"),
    ("forward-missing", lambda: NoForward()(1), "NoForward was called"),
    ("forward-missing", lambda: nn.ModuleList([nn.Linear(2, 2)])(1), "only hold layers"),
    ("forward-argument-missing", lambda: Two()(1), "'y'"),
    ("forward-argument-extra", lambda: Two()(1, 2, 3), "called with 3"),
    ("argument-unknown", lambda: nn.Conv2d(3, 8, kernel=3), "called kernel"),
    ("wrong-object", lambda: nn.LSTM(2, 2)(zeros(2, 2, 2)).size(), "is a tuple"),
    ("layer-missing", lambda: Typo()(1), "self.conv1"),
    ("sequential-function", lambda: nn.Sequential(nn.Linear(2, 2), torch.relu), "got torch."),
    ("parameter-assignment", lambda: setattr(nn.Linear(2, 2), "weight", zeros(2, 2)), "weight is a parameter"),
    ("optimizer-empty", lambda: torch.optim.SGD(NoForward().parameters(), lr=0.1), "no layers of its own"),
    ("optimizer-not-parameters", lambda: torch.optim.SGD([nn.Linear(2, 2)], lr=0.1), "Linear"),
    ("optimizer-non-leaf", lambda: torch.optim.SGD([leaf(2) * 2], lr=0.1), "result of a computation"),
    ("scheduler-argument", lambda: torch.optim.lr_scheduler.StepLR(0.1, 1), "got a float"),
    ("setting-invalid", lambda: torch.optim.SGD([leaf(1)], lr=-1), "learning rate is -1"),
    ("not-finite", lambda: torch.multinomial(torch.tensor([float("nan"), 1]), 1), "NaN"),
    ("samples-differ", lambda: next(iter(DataLoader(Uneven(), batch_size=2))), "sample 0 is 3×4×4, sample 1 3×5×4"),
    ("samples-differ", lambda: default_collate([zeros(3, 4, 4), zeros(1, 4, 4)]), "channels differ"),
    ("batch-lists-differ", lambda: default_collate([[1, 2], [1]]), "differ in length"),
    ("batch-of-what", lambda: default_collate([GREY, GREY]), "lacks ToTensor"),
    ("batch-of-what", lambda: default_collate([None, None]), "gave None"),
    ("dataset-empty", lambda: DataLoader([], shuffle=True), "length 0"),
    ("sampler-and-shuffle", lambda: DataLoader([1], shuffle=True, sampler=[0]), "decides the order"),
    ("dataset-incomplete", lambda: next(iter(DataLoader(Endless()))), "__getitem__"),
    ("dataset-incomplete", lambda: DataLoader(Lengthless(), shuffle=True), "__len__"),
    ("dataset-incomplete", Streamless, "__iter__"),
    ("split-lengths", lambda: random_split([1, 2, 3], [1, 1]), "whose sum"),
    ("device-mismatch", lambda: nn.Linear(3, 2)(zeros(2, 3, device="meta")), "on cpu and another on meta"),
    ("cpu-out-of-memory", lambda: zeros(10**15), "3638 TiB"),
    ("compile-unsupported", compile_prints, "print"),
    ("compile-backend", compile_backend, "compiler"),
    ("address-in-use", taken_port, "is taken"),
    ("distributed-environment", without_rank, "reads RANK"),
    ("distributed-not-started", torch.distributed.get_rank, "before init_process_group"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fails", "says"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_an_error_that_torch_raises_is_explained(
    kind: str, fails: Callable[[], object], says: str
) -> None:
    """The real error is recognised as its kind, its own figures are told, and there is a fix."""
    found = explain_failure(fails)
    assert found is not None
    assert found.kind == kind
    assert says in found.meaning
    assert found.fixes
    assert all("{" not in line or "f'" in line or "{name" in line for line in found.fixes)


def test_folders_without_pictures_are_explained(tmp_path: Path) -> None:
    """ImageFolder over an empty folder, and over empty class folders, names what was looked for."""
    found = explain_failure(lambda: torchvision.datasets.ImageFolder(str(tmp_path)))
    assert found is not None
    assert (found.kind, str(tmp_path) in found.meaning) == ("no-class-folders", True)
    (tmp_path / "cats").mkdir()
    found = explain_failure(lambda: torchvision.datasets.ImageFolder(str(tmp_path)))
    assert found is not None
    assert (found.kind, "cats" in found.meaning) == ("empty-classes", True)


def test_a_lambda_sent_to_a_worker_is_explained() -> None:
    """A data set whose transform is a lambda cannot be given to a spawned worker."""
    pictures = torchvision.datasets.FakeData(2, (3, 8, 8), transform=lambda x: x)
    loader = DataLoader(pictures, num_workers=1, multiprocessing_context="spawn")
    found = explain_failure(lambda: next(iter(loader)))
    assert found is not None
    assert found.kind == "pickle-local"
    assert "<lambda>" in found.meaning


def test_an_error_inside_a_worker_is_explained_as_the_inner_one() -> None:
    """The wrapper that DataLoader puts around a worker's error is looked through."""
    loader = DataLoader(Uneven(), batch_size=2, num_workers=1, multiprocessing_context="fork")
    found = explain_failure(lambda: next(iter(loader)))
    assert found is not None
    assert found.kind == "samples-differ"
    assert any("worker 0" in note for note in found.notes)


def test_the_place_is_the_persons_own_last_line_and_the_layer_is_named() -> None:
    """Frames inside torch are passed over, and the layer's name is taken from the own line."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(1024, 64)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.flatten(x, 1)
            x = self.fc1(x)
            return x

    found = explain_failure(lambda: Net()(zeros(2, 64, 8, 8)))
    assert found is not None
    assert found.place is not None
    assert Path(found.place.file).name == Path(__file__).name
    assert found.place.code == "x = self.fc1(x)"
    assert found.layer == "self.fc1 (Linear)"
