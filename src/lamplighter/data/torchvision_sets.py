"""Data sets known by name, read from the files that torchvision or the person put there.

The files are read in place, zipped or not, so that a folder without write permission does. Only
`download=True` fetches anything, through torchvision, which checks each file's MD5.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamplighter.data.archives import cifar_pictures, read_batches, read_idx, read_svhn
from lamplighter.data.example import Example
from lamplighter.data.memory import MemorySource
from lamplighter.errors import DataError

Part = tuple[np.ndarray, list[str]]  # pixels, and a label for each
Halves = dict[str, Part]  # "train" and "test"

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class KnownSet:
    """One row of the table of known sets.

    Args:
        class_name: the class in `torchvision.datasets`, which downloads it.
        home: where the original comes from, for the message.
        needs: files of which one of each group must lie in one folder.
        folders: where those may lie, below the data root.
        read: folder → pictures and labels.
    """

    class_name: str
    home: str
    needs: tuple[tuple[str, ...], ...]
    folders: tuple[str, ...]
    read: Callable[[Path], Halves]


def _read_idx_set(folder: Path, classes: Sequence[str]) -> Halves:
    def part(prefix: str) -> Part:
        pixels = read_idx(_either(folder, f"{prefix}-images-idx3-ubyte"))
        labels = read_idx(_either(folder, f"{prefix}-labels-idx1-ubyte"))
        return pixels, [classes[label] for label in _same_length(pixels, labels, folder)]

    return {"train": part("train"), "test": part("t10k")}


def _either(folder: Path, name: str) -> Path:
    return next(path for path in (folder / name, folder / f"{name}.gz") if path.is_file())


def _same_length(pixels: np.ndarray, labels: np.ndarray, where: Path) -> list[int]:
    if len(pixels) != len(labels):
        raise DataError(
            f"{len(pixels):,} pictures and {len(labels):,} labels; expected one label for each",
            where=where,
            fix="fetch both files again from one place",
        )
    return [int(label) for label in labels]


def _read_cifar10(folder: Path) -> Halves:
    inner, archive = "cifar-10-batches-py", "cifar-10-python.tar.gz"
    train = [f"data_batch_{number}" for number in range(1, 6)]
    return _read_cifar(folder, inner, archive, train, "test_batch", "batches.meta", "labels")


def _read_cifar100(folder: Path) -> Halves:
    inner, archive = "cifar-100-python", "cifar-100-python.tar.gz"
    return _read_cifar(folder, inner, archive, ["train"], "test", "meta", "fine_labels")


def _read_cifar(
    folder: Path, inner: str, archive: str, train: list[str], test: str, meta: str, key: str
) -> Halves:
    home = folder / inner if (folder / inner).is_dir() else folder / archive
    *batches, last, about = read_batches(home, inner, [*train, test, meta])
    names = about["label_names" if key == "labels" else "fine_label_names"]

    def part(some: list[dict[str, list[int]]]) -> Part:
        pixels = cifar_pictures(some)
        labels = np.concatenate([batch[key] for batch in some])
        return pixels, [names[label] for label in _same_length(pixels, labels, home)]

    return {"train": part(batches), "test": part([last])}


def _read_svhn(folder: Path) -> Halves:
    halves: Halves = {}
    for split in ("train", "test"):
        pixels, digits = read_svhn(folder / f"{split}_32x32.mat")
        halves[split] = (pixels, [str(digit) for digit in digits])
    return halves


IDX_NEEDS = tuple(
    (f"{part}-ubyte", f"{part}-ubyte.gz")
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)
IDX_FOLDERS = tuple(
    f"{outer}{inner}"
    for outer in ("", "mnist/", "fashion_mnist/")
    for inner in ("MNIST/raw", "FashionMNIST/raw", "MNIST", "FashionMNIST", "raw", "")
)
KNOWN_SETS: dict[str, KnownSet] = {
    "cifar10": KnownSet(
        "CIFAR10",
        "cs.toronto.edu/~kriz",
        (("cifar-10-batches-py/data_batch_1", "cifar-10-python.tar.gz"),),
        ("", "cifar10", "CIFAR10"),
        _read_cifar10,
    ),
    "cifar100": KnownSet(
        "CIFAR100",
        "cs.toronto.edu/~kriz",
        (("cifar-100-python/train", "cifar-100-python.tar.gz"),),
        ("", "cifar100", "CIFAR100"),
        _read_cifar100,
    ),
    "mnist": KnownSet(
        "MNIST",
        "torchvision's mirrors of MNIST",
        IDX_NEEDS,
        IDX_FOLDERS,
        lambda folder: _read_idx_set(folder, DIGITS),
    ),
    "fashion_mnist": KnownSet(
        "FashionMNIST",
        "torchvision's mirror of zalandoresearch/fashion-mnist",
        IDX_NEEDS,
        IDX_FOLDERS,
        lambda folder: _read_idx_set(folder, CLOTHES),
    ),
    "svhn": KnownSet(
        "SVHN",
        "ufldl.stanford.edu/housenumbers",
        (("train_32x32.mat",), ("test_32x32.mat",)),
        ("", "svhn", "SVHN"),
        _read_svhn,
    ),
}


def default_root() -> Path:
    """Where known sets are looked for and downloaded to when no --data-root is given."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "lamplighter" / "data"


def find_set(name: str, root: Path) -> Path | None:
    """The folder below `root` that holds the files of a known set, if there is one."""
    known = KNOWN_SETS[name]
    for below in known.folders:
        folder = root / below
        # both sets give their files the same names, so that only the folders tell them apart
        fashion = any("fashion" in part.lower() for part in folder.resolve().parts[-3:])
        if known.needs is IDX_NEEDS and fashion != (name == "fashion_mnist"):
            continue
        if all(any((folder / one).is_file() for one in group) for group in known.needs):
            return folder
    return None


def open_torchvision_set(
    name: str, *, data_root: Path | None = None, download: bool = False
) -> MemorySource:
    """A known set with its official train and test splits, wholly in memory.

    Args:
        name: a key of `KNOWN_SETS`.
        data_root: where its files lie; None: `default_root()`.
        download: fetch them to `data_root` when they do not lie there.

    Raises:
        DataError: the files are not there or damaged, or the download failed.
    """
    root = data_root if data_root is not None else default_root()
    folder = find_set(name, root)
    notes: tuple[str, ...] = ()
    if folder is None and download:
        notes = (_download(name, root),)
        folder = find_set(name, root)
    if folder is None:
        raise _not_there(name, root)
    halves = KNOWN_SETS[name].read(folder)
    found: list[Example] = []
    for split, (_, labels) in halves.items():
        found += [
            Example(key=f"{name}/{split}-{number:05d}", label=label, split=split, index=index)
            for index, (number, label) in enumerate(enumerate(labels), start=len(found))
        ]
    pixels = np.concatenate([part for part, _ in halves.values()])
    layout = f"torchvision's {KNOWN_SETS[name].class_name}, read in {folder}"
    return MemorySource(name, layout, pixels, tuple(found), notes=notes)


def _not_there(name: str, root: Path) -> DataError:
    known = KNOWN_SETS[name]
    files = ", ".join(" or ".join(group) for group in known.needs)
    return DataError(
        f"the files of {name} are not there; expected {files}",
        where=root,
        fix=f"say where they lie: --data-root FOLDER; or fetch them from {known.home}: --download",
    )


def _download(name: str, root: Path) -> str:
    import torchvision.datasets

    known = KNOWN_SETS[name]
    build = getattr(torchvision.datasets, known.class_name)
    options = ({"split": "train"}, {"split": "test"}) if name == "svhn" else ({"train": True},)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for option in options:
            build(str(root), download=True, **option)
    except Exception as error:
        raise DataError(
            f"{name} could not be fetched from {known.home}: {error}",
            where=root,
            fix="fetch it by hand, put the files there, and leave out --download",
        ) from error
    return f"{name} was fetched from {known.home} into {root} (MD5 agrees)"
