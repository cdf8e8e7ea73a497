"""Errors of files, data, classes and programs: raised here, and explained from their real text."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, random_split
from torch.utils.data._utils import signal_handling
from torchvision import transforms as T

from lamplighter.explain import Explanation

Case = tuple[str, Callable[[], object], str]
Explain = Callable[[Callable[[], object]], Explanation | None]
zeros = torch.zeros


def leaf(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, requires_grad=True)


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


class Deadly(Dataset):
    """Samples whose worker is ended by a signal or leaves by itself."""

    def __init__(self, *, by_signal: bool) -> None:
        self.by_signal = by_signal

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        if self.by_signal:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)


def kill_a_worker() -> None:
    """With torch's own handler, which a training of ours in this process has taken the place of."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal_handling._SIGCHLD_handler_set = False
    next(iter(DataLoader(Deadly(by_signal=True), num_workers=1, multiprocessing_context="fork")))


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


def without_rank() -> None:
    kept = {name: os.environ.pop(name) for name in ("RANK", "WORLD_SIZE") if name in os.environ}
    try:
        torch.distributed.init_process_group("gloo", init_method="env://")
    finally:
        os.environ.update(kept)


GREY = Image.new("L", (8, 8))

CASES: list[Case] = [
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
    ("worker-killed", kill_a_worker, "died by «Killed»"),
    ("worker-exited", lambda: next(iter(DataLoader(Deadly(by_signal=False), num_workers=1, multiprocessing_context="fork"))), "ended before it gave a batch"),
    ("disk-full", lambda: Path("/dev/full").write_bytes(b"x"), "Nothing more can be written"),
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
    kind: str, fails: Callable[[], object], says: str, explain_failure: Explain
) -> None:
    """The real error is recognised as its kind, its own figures are told, and there is a fix."""
    found = explain_failure(fails)
    assert found is not None
    assert found.kind == kind
    assert says in found.meaning
    assert found.fixes
    assert all("{" not in line or "f'" in line or "{name" in line for line in found.fixes)


def test_folders_without_pictures_are_explained(tmp_path: Path, explain_failure: Explain) -> None:
    """ImageFolder over an empty folder, and over empty class folders, names what was looked for."""
    found = explain_failure(lambda: torchvision.datasets.ImageFolder(str(tmp_path)))
    assert found is not None
    assert (found.kind, str(tmp_path) in found.meaning) == ("no-class-folders", True)
    (tmp_path / "cats").mkdir()
    found = explain_failure(lambda: torchvision.datasets.ImageFolder(str(tmp_path)))
    assert found is not None
    assert (found.kind, "cats" in found.meaning) == ("empty-classes", True)


def test_a_lambda_sent_to_a_worker_is_explained(explain_failure: Explain) -> None:
    """A data set whose transform is a lambda cannot be given to a spawned worker."""
    pictures = torchvision.datasets.FakeData(2, (3, 8, 8), transform=lambda x: x)
    loader = DataLoader(pictures, num_workers=1, multiprocessing_context="spawn")
    found = explain_failure(lambda: next(iter(loader)))
    assert found is not None
    assert found.kind == "pickle-local"
    assert "<lambda>" in found.meaning


def test_an_error_inside_a_worker_is_explained_as_the_inner_one(explain_failure: Explain) -> None:
    """The wrapper that DataLoader puts around a worker's error is looked through."""
    loader = DataLoader(Uneven(), batch_size=2, num_workers=1, multiprocessing_context="fork")
    found = explain_failure(lambda: next(iter(loader)))
    assert found is not None
    assert found.kind == "samples-differ"
    assert any("worker 0" in note for note in found.notes)
