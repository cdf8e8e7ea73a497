"""File → prediction, with the preprocessing that the network was validated with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lamplighter.artifact import DIMENSIONS, Artifact, load_module
from lamplighter.errors import DataError, UsageError, did_you_mean
from lamplighter.images.decode import ENDINGS, read_picture
from lamplighter.machine import cores, pick_device
from lamplighter.models.answers import main_output
from lamplighter.models.memory_format import FORMATS, fit_memory_format
from lamplighter.tasks.task import probabilities

END: Any = object()  # of the pictures; a None among them is a fault of its own
Picture = str | Path | bytes | Image.Image | np.ndarray | Tensor


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture.

    Args:
        path: the file; empty for a picture that was handed over.
        label: the answer: a class name; names joined by "|" for several labels; a number as text
            in regression.
        probability: of the label, 0…1; for several labels that of the least sure decision; None in
            regression.
        top: (label, probability) of the most probable classes, highest first.
        unsure: whether the probability is below the threshold that the artifact carries.
        values: the numbers predicted, in regression.
    """

    path: str
    label: str
    probability: float | None
    top: tuple[tuple[str, float], ...] = ()
    unsure: bool = False
    values: tuple[float, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        document: dict[str, Any] = {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [{"label": label, "probability": p} for label, p in self.top],
            "unsure": self.unsure,
        }
        return document | ({"values": list(self.values)} if self.values else {})


@dataclass(frozen=True)
class Failure:
    """A file that could not be answered for, and why."""

    path: str
    error: str

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        return {"path": self.path, "error": self.error}


class Model:
    """A trained network, ready to answer.

    Attributes:
        artifact: what the file says: classes, preprocessing, metrics, recipe.
        module: the network, in evaluation mode.
        device: where it works.
    """

    def __init__(
        self, artifact: Artifact, module: nn.Module, device: torch.device, path: Path | None = None
    ) -> None:
        self.artifact = artifact
        self.device = device
        self.path = path
        self.module = module.to(device).eval()
        self.memory_format = FORMATS[self._format_name()]
        self.module = self.module.to(memory_format=self.memory_format)

    def _format_name(self) -> str:
        artifact = self.artifact
        # a network that was trained on the user's own tensors stays as it was judged
        if artifact.preprocess is None or self.device.type not in ("cpu", "cuda"):
            return "contiguous"
        recorded = artifact.recipe.get("memory_format")
        if recorded in FORMATS:
            return str(recorded)
        return fit_memory_format(
            self.module, artifact.architecture.source, artifact.preprocess.shape
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.artifact.classes

    def __repr__(self) -> str:
        told = ", ".join(self.classes[:5]) + (", …" if len(self.classes) > 5 else "")
        return f"<Model {self.artifact.architecture.name}: {told or self.artifact.task}>"

    def predict(self, pictures: Picture | Sequence[Picture], *, top: int = 5) -> Any:
        """Answers for one picture, or for several.

        Args:
            pictures: a file, a Pillow picture, encoded bytes, a uint8 array [H, W, 3] or [H, W];
                or a list of them. For a network that was trained on the user's own tensors: a
                float tensor as the network takes it, without or with the batch dimension.
            top: how many classes `Prediction.top` holds.

        Returns:
            A Prediction for one, a list of them for a list.

        Raises:
            DataError: a picture cannot be read.
        """
        own = self.artifact.preprocess is None
        if isinstance(pictures, Tensor) and (own or pictures.is_floating_point()):
            return self._predict_tensor(pictures, top)
        if isinstance(pictures, list | tuple):
            found = self.predict_each(pictures, top=top)
            return [self._or_raise(answer) for answer in found]
        one: list[Any] = [pictures]
        return self._or_raise(next(self.predict_each(one, top=top)))

    def predict_each(
        self, pictures: Iterable[Picture], *, top: int = 5
    ) -> Iterator[Prediction | Failure]:
        """Answers in order; one that cannot be read gives a Failure, and the rest are answered."""
        self._needs_preprocess()
        size = self._inference_batch()
        with ThreadPoolExecutor(cores(), thread_name_prefix="lamp-decode") as pool:
            waiting: deque[tuple[str, Future[np.ndarray]]] = deque()
            source = iter(pictures)
            while True:
                while len(waiting) < 2 * size and (picture := next(source, END)) is not END:
                    waiting.append((_name(picture), pool.submit(self.square, picture)))
                if not waiting:
                    return
                chunk = [waiting.popleft() for _ in range(min(size, len(waiting)))]
                yield from self._answer(chunk, top)

    def square(self, picture: Picture) -> np.ndarray:
        """A picture as the network sees it before normalisation: uint8 [S, S, C].

        Raises:
            DataError: it cannot be read.
        """
        preprocess = self._needs_preprocess()
        if isinstance(picture, str | Path | bytes):
            picture = read_picture(picture, draft=preprocess.smallest_useful())
        elif isinstance(picture, np.ndarray | Tensor):
            picture = _from_array(picture)
        elif not isinstance(picture, Image.Image):
            raise DataError(
                f"expected a file, a Pillow picture, bytes or an array, got {type(picture).__name__}",
                fix='such as model.predict("cat.jpg"), or a uint8 array [height, width, 3]',
            )
        if not picture.width or not picture.height:
            raise DataError(
                f"a picture of {picture.width} × {picture.height} pixels; expected 1 × 1 or more",
                fix="look at how it was cut out of a larger one",
            )
        return preprocess.square(picture)

    def logits(self, squares_BCHW: Tensor) -> Tensor:
        """The network's outputs.

        Args:
            squares_BCHW: uint8, as `square` gives them (channels moved to the front).

        Returns:
            float32 [B, K] on the CPU.
        """
        return self.outputs(self.ready(squares_BCHW))

    def ready(self, squares_BCHW: Tensor) -> Tensor:
        """The pictures as the network takes them: float32 [B, C, H, W], normalised, on its device.

        Args:
            squares_BCHW: uint8, as `square` gives them (channels moved to the front).
        """
        images = self._needs_preprocess().normalise(squares_BCHW.to(self.device))
        return images.contiguous(memory_format=self.memory_format)

    def outputs(self, inputs: Tensor) -> Tensor:
        """The main outputs for normalised inputs, float32 on the CPU."""
        with torch.inference_mode():
            return main_output(self.module(inputs)).float().cpu()

    def answers(self, logits_BK: Tensor, names: Sequence[str], top: int = 5) -> list[Prediction]:
        """Logits as predictions, with the artifact's temperature and threshold."""
        task, threshold = self.artifact.task, self.artifact.unsure_below
        if task in ("regression", "own"):
            rows = [row.reshape(-1).tolist() for row in logits_BK]
            return [
                Prediction(n, ", ".join(f"{v:g}" for v in row), None, values=tuple(row))
                for n, row in zip(names, rows, strict=True)
            ]
        names_K = self.classes or tuple(str(k) for k in range(logits_BK.shape[1]))
        shares_BK = probabilities(task, logits_BK / self.artifact.temperature)
        found = []
        if task == "multilabel":
            chosen = (logits_BK > 0).tolist()
            labels = [
                "|".join(n for n, on in zip(names_K, row, strict=True) if on) for row in chosen
            ]
            sures_B = torch.maximum(shares_BK, 1 - shares_BK).amin(dim=1)
        else:
            # the answer is taken from the logits: two probabilities can round to one number
            answers_B = logits_BK.argmax(dim=1)
            labels = [names_K[k] for k in answers_B.tolist()]
            sures_B = shares_BK.gather(1, answers_B[:, None])[:, 0]
        orders = logits_BK.argsort(dim=1, descending=True, stable=True)[:, :top].tolist()
        rows_of = (names, labels, sures_B.tolist(), shares_BK.tolist(), orders)
        for name, label, sure, shares, order in zip(*rows_of, strict=True):
            best = tuple((names_K[k], shares[k]) for k in order)
            found.append(Prediction(name, label, sure, best, sure < threshold))
        return found

    def _answer(
        self, chunk: Sequence[tuple[str, Future[np.ndarray]]], top: int
    ) -> list[Prediction | Failure]:
        squares: list[np.ndarray] = []
        failures: dict[int, Failure] = {}
        for position, (name, future) in enumerate(chunk):
            try:
                squares.append(future.result())
            except DataError as error:
                failures[position] = Failure(name, error.message)
        answered: Iterator[Prediction] = iter(())
        if squares:
            stack = torch.from_numpy(np.stack([square.transpose(2, 0, 1) for square in squares]))
            names = [name for position, (name, _) in enumerate(chunk) if position not in failures]
            answered = iter(self.answers(self.logits(stack), names, top))
        return [failures[i] if i in failures else next(answered) for i in range(len(chunk))]

    def _predict_tensor(self, tensor: Tensor, top: int) -> Any:
        dimensions = self.artifact.data.get(DIMENSIONS)
        single = tensor.ndim == dimensions if dimensions is not None else tensor.ndim in (1, 3)
        logits = self.outputs((tensor[None] if single else tensor).to(self.device))
        found = self.answers(logits, [""] * len(logits), top)
        return found[0] if single else found

    def _inference_batch(self) -> int:
        return self._needs_preprocess().inference_batch(self.device.type)

    def _needs_preprocess(self) -> Any:
        if self.artifact.preprocess is None:
            raise UsageError(
                "this network was trained on your own tensors, so only your code knows how a file becomes its input",
                where=self.path or "",
                fix=how_to_ask(self.artifact, str(self.path or "PATH")),
            )
        return self.artifact.preprocess

    @staticmethod
    def _or_raise(answer: Prediction | Failure) -> Prediction:
        if isinstance(answer, Failure):
            raise DataError(
                answer.error,
                where=answer.path,
                fix="name a picture that can be read; model.predict_each goes on past those that cannot",
            )
        return answer


def load(path: str | Path, *, own: Any = None, device: str = "auto") -> Model:
    """Loads a model for answering; runs no code from the file.

    Args:
        path: a `.safetensors` file of ours, or a run folder that holds one.
        own: for a network of the user's own class: the class, a function, or an instance.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        ArtifactError: the file is not there, not ours, damaged, or of a later version.
        ModelError: the user's own class is not at hand.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    artifact, module = load_module(path, own)
    return Model(artifact, module, pick_device(device), path)


def how_to_ask(artifact: Artifact, text: str) -> str:
    """What to type to get answers: the command, or Python where no command can make the input.

    Args:
        artifact: of the model.
        text: the run's folder or the model file, as one types it.
    """
    network = artifact.architecture
    own, instance = network.source == "own", network.options.get("called_with") == "as it is"
    module, _, name = network.name.rpartition(":")
    # a script that runs as __main__, and an instance, cannot be named on the command line
    if artifact.preprocess is not None and not (own and (instance or module == "__main__")):
        return f"lamp predict {text} PICTURES" + (f" --own {network.name}" if own else "")
    given = f", own={'net' if instance else name.rpartition('.')[2]}" if own else ""
    what = "tensor" if artifact.preprocess is None else '"PICTURE"'
    return f'in Python: lamp.load("{text}"{given}).predict({what})'


def picture_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files as they are given, folders unfolded into the pictures below them, sorted.

    Raises:
        DataError: a path is not there, or a folder holds no picture.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if _is_picture(p, path))
            if not below:
                raise DataError(
                    "there is no picture below this folder; expected files as .jpg, .png or .webp",
                    where=path,
                    fix=f"ls -R {path} shows what is there; give a folder or a file with pictures",
                )
            found += below
        elif path.exists():
            found.append(path)
        else:
            raise DataError(
                f"there is no such file or folder{_nearest(path)}",
                where=path,
                fix="check the path; quote names with spaces or *",
            )
    return found


def _nearest(path: Path) -> str:
    """A sentence with what lies there under a similar name, or the part of the path that is there."""
    try:
        there = [one.name for one in path.parent.iterdir()]
    except OSError:
        return f"; there is no folder {path.parent} either"
    near = did_you_mean(path.name, there)
    return f".{near}" if near else ""


def _is_picture(path: Path, below: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(below).parts)
    return path.suffix.lower() in ENDINGS and not hidden and path.is_file()


def _from_array(array: np.ndarray | Tensor) -> Image.Image:
    """uint8 [H, W], [H, W, C], or as torchvision has it [C, H, W] when it is a tensor."""
    if isinstance(array, Tensor):
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4)
        array = (array.permute(1, 2, 0) if first else array).detach().cpu().numpy()
    flat = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not flat or not array.size:
        raise DataError(
            f"expected a uint8 array of [H, W, 3] or [H, W], got {array.dtype} {list(array.shape)}",
            fix="keep pixels in 0…255; scaling and normalising are done here",
        )
    return Image.fromarray(array[:, :, 0] if array.shape[2:] == (1,) else array)


def _name(picture: Any) -> str:
    return str(picture) if isinstance(picture, str | Path) else ""
