"""Known sets are read from their official files, in place, and nothing in them is run."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lamplighter.data import bundled
from lamplighter.data.bundled import open_digits
from lamplighter.data.pickled import read_pickled
from lamplighter.data.split import collect
from lamplighter.data.torchvision_sets import CLOTHES, open_torchvision_set
from lamplighter.errors import DataError

SHARED = os.environ.get("LAMPLIGHTER_TEST_DATA")


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def place_mnist(folder: Path, *, zipped: bool = True) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 40), ("t10k", 10)):
        pixels = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            content = idx(array)
            path = folder / f"{prefix}-{name}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)


def cifar_files(protocol: int) -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    files = {}
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        rows = rng.integers(0, 256, (20, 3072)).astype(np.uint8)
        batch = {"data": rows, "labels": [n % 10 for n in range(20)], "batch_label": name}
        files[name] = pickle.dumps(batch, protocol)
    about = {"label_names": list("abcdefghij"), "num_vis": 3072}
    return files | {"batches.meta": pickle.dumps(about, protocol)}


def place_cifar(root: Path, protocol: int, *, packed: bool) -> None:
    files = cifar_files(protocol)
    if not packed:
        (root / "cifar-10-batches-py").mkdir(parents=True)
        for name, content in files.items():
            (root / "cifar-10-batches-py" / name).write_bytes(content)
        return
    with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def tree(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", ["MNIST/raw", "", "mnist/MNIST/raw"])
def test_mnist_in_place(tmp_path: Path, zipped: bool, inside: str) -> None:
    """MNIST is read zipped or not, wherever it lies below the root, and nothing is written."""
    place_mnist(tmp_path / "home" / inside, zipped=zipped)
    before = tree(tmp_path)
    source = open_torchvision_set("mnist", data_root=tmp_path / "home")
    assert source.pixels.shape == (50, 28, 28)
    assert Counter(one.split for one in source.examples()) == {"train": 40, "test": 10}
    assert source.examples()[13].label == "3"
    assert source.open(source.examples()[0]).mode == "L"
    assert tree(tmp_path) == before


def test_fashion_mnist_is_not_mnist(tmp_path: Path) -> None:
    """The two sets have files of the same names and are told apart by their folders."""
    place_mnist(tmp_path / "FashionMNIST/raw")
    assert (
        open_torchvision_set("fashion_mnist", data_root=tmp_path).examples()[9].label == CLOTHES[9]
    )
    with pytest.raises(DataError, match="files of mnist are not there"):
        open_torchvision_set("mnist", data_root=tmp_path)


def test_damaged_mnist(tmp_path: Path) -> None:
    """A file that is shorter than its header says is refused."""
    place_mnist(tmp_path / "MNIST/raw", zipped=False)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="header promises 31,360 bytes"):
        open_torchvision_set("mnist", data_root=tmp_path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("packed", [True, False])
def test_cifar10_in_place(tmp_path: Path, protocol: int, packed: bool) -> None:
    """CIFAR-10 is read from its archive or its folder, with its names and its colours."""
    place_cifar(tmp_path, protocol, packed=packed)
    before = tree(tmp_path)
    source = open_torchvision_set("cifar10", data_root=tmp_path)
    first = pickle.loads(cifar_files(2)["data_batch_1"])["data"][0].reshape(3, 32, 32)
    assert source.pixels.shape == (120, 32, 32, 3)
    assert np.array_equal(source.pixels[0], first.transpose(1, 2, 0))
    assert [one.label for one in source.examples()[:3]] == ["a", "b", "c"]
    assert tree(tmp_path) == before


def test_python_2_pickles() -> None:
    """The form that Python 2 wrote, as CIFAR has it, is understood."""
    stream = (
        b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x06K\x09eU\x04dataq\x04cnumpy.core.multiarray\n"
        b"_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07(K\x01K\x01K\x02\x86"
        b"cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff"
        b"\xff\xffK\x00tb\x89U\x02\x07\xffq\x0atbu."
    )
    found = read_pickled(stream, where="x")
    assert found["labels"] == [6, 9]
    assert found["data"].tolist() == [[7, 255]]


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_strangers_code_is_not_run(tmp_path: Path, protocol: int) -> None:
    """An archive that carries code is refused, and the code is not run."""
    place_cifar(tmp_path, 2, packed=False)
    trap = pickle.dumps({"data": Trap(tmp_path / "sprung")}, protocol)
    (tmp_path / "cifar-10-batches-py/data_batch_1").write_bytes(trap)
    with pytest.raises(DataError, match=r"wants to call '(posix|nt) mkdir'; it was not run"):
        open_torchvision_set("cifar10", data_root=tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02]q\x00", b"\x80\x02(dp0\n", b"junk", b"\x80\x02cos\nsystem\n."]
)
def test_damaged_streams(content: bytes) -> None:
    """A damaged stream, or a bare name, is a DataError and no crash."""
    with pytest.raises(DataError):
        read_pickled(content, where="x")


def test_missing_files_say_what_is_expected(tmp_path: Path) -> None:
    """Without files the message names them, and how to get them."""
    with pytest.raises(
        DataError, match=r"expected cifar-100-python/train or cifar-100-python.tar.gz"
    ) as caught:
        open_torchvision_set("cifar100", data_root=tmp_path)
    assert "--data-root" in caught.value.fix
    assert "--download" in caught.value.fix


def test_svhn(tmp_path: Path) -> None:
    """SVHN's matlab files are read, with its 10 as the digit 0."""
    from scipy.io import savemat

    pixels = np.arange(32 * 32 * 3 * 4, dtype=np.uint8).reshape(32, 32, 3, 4)
    for split in ("train", "test"):
        savemat(
            tmp_path / f"{split}_32x32.mat", {"X": pixels, "y": np.array([[10], [1], [2], [3]])}
        )
    source = open_torchvision_set("svhn", data_root=tmp_path)
    assert [one.label for one in source.examples()][:4] == ["0", "1", "2", "3"]
    assert np.array_equal(source.pixels[1], pixels[..., 1])


def test_digits_are_scikit_learns() -> None:
    """The digits read without scikit-learn are those of its `load_digits`, in the same order."""
    theirs = load_digits()
    assert np.array_equal(bundled._read(), np.column_stack([theirs.data, theirs.target]))


def test_digits() -> None:
    """The built-in digits have ten classes, the full range of grey, and stable keys."""
    source = open_digits()
    assert source.pixels.shape == (1797, 8, 8)
    assert (source.pixels.min(), source.pixels.max()) == (0, 255)
    assert source.examples()[0].key == "digits/0000"
    collection = collect(source)
    assert len(collection.classes) == 10
    assert {name: len(some) for name, some in collection.splits.items()} == {
        "train": 1259,
        "val": 269,
        "test": 269,
    }


@pytest.mark.skipif(SHARED is None, reason="the real MNIST is not on this machine")
def test_real_mnist() -> None:
    """The real MNIST, zipped and in a folder that cannot be written to, is read whole."""
    source = open_torchvision_set("mnist", data_root=Path(str(SHARED)) / "mnist")
    assert source.pixels.shape == (70_000, 28, 28)
    assert [one.label for one in source.examples()[:5]] == ["5", "0", "4", "1", "9"]
