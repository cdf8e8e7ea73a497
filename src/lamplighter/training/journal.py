"""Writing down what happens: metrics.jsonl is the truth, TensorBoard a view of it.

Logging never stops a training: what cannot be written to TensorBoard (a full disk, say) is said
once and left out from then on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lamplighter.listener import SILENT, Listener
from lamplighter.run_folder import RunFolder
from lamplighter.training.drawing import caption, graph_of, settings_of
from lamplighter.training.events import EventFile, picture


class Journal:
    """Hears what the loop does; this one forgets it."""

    def steps(self, first: int, losses: Sequence[float], rates: Sequence[float]) -> None:
        """Losses and learning rates of consecutive optimizer steps, from step `first` (from 1)."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """A line of metrics.jsonl."""

    def pictures(self, name: str, images_BCHW: Tensor, captions: Sequence[str], step: int) -> None:
        """Pictures in 0…1, with what is to be said under each."""

    def graph(self, module: nn.Module, inputs: Tensor) -> None:
        """The network's graph, drawn from a pass of these inputs."""

    def result(self, settings: Mapping[str, Any], figures: Mapping[str, float]) -> None:
        """Hyperparameters with what came of them."""

    def went_back(self, step: int) -> None:
        """The training goes on from optimizer step `step`: what was written after it is void."""

    def close(self) -> None:
        """Nothing more comes."""


class RunJournal(Journal):
    """Writes into a run folder.

    Args:
        folder: the run.
        tensorboard: whether events are written as well.
        purge_step: on resume, the optimizer step from which older events are void.
        listener: hears when logging has to be given up.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        tensorboard: bool = True,
        purge_step: int | None = None,
        listener: Listener = SILENT,
    ) -> None:
        self.folder = folder
        self.listener = listener
        self.events: EventFile | None = None
        if tensorboard:
            self._view(lambda: self._open(purge_step), opens=True)

    def _open(self, purge_step: int | None) -> None:
        self.events = EventFile(self.folder.path, purge_step)

    def steps(self, first: int, losses: Sequence[float], rates: Sequence[float]) -> None:
        columns = {"step/train_loss": losses, "step/lr": rates}
        self._view(lambda: self._file.series(first, columns))

    def epoch(self, row: Mapping[str, Any]) -> None:
        self.folder.append_metrics(row)
        values = {
            _tag(key): float(value)
            for key, value in row.items()
            if key not in ("epoch", "step") and isinstance(value, int | float)
        }
        self._view(lambda: self._file.scalars(row["step"], values))

    def pictures(self, name: str, images_BCHW: Tensor, captions: Sequence[str], step: int) -> None:
        # one picture per step: TensorBoard's slider then moves through the steps
        sheet = Image.fromarray(sheet_of(images_BCHW).numpy())
        png = io.BytesIO()
        sheet.save(
            png, "PNG", compress_level=1
        )  # photographs shrink no further, in thrice the time

        def write() -> None:
            self._file.summary(step, picture(name, png.getvalue(), sheet.height, sheet.width))
            if captions:
                told = "  \n".join(f"{i + 1}. {_plain(c)}" for i, c in enumerate(captions))
                self._file.summary(step, caption(f"{name}/captions", told))

        self._view(write)
        file = self.folder / f"{name}.png"
        try:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(png.getvalue())
        except OSError as error:
            self.listener.warn(f"{name}.png could not be written: {error.strerror or error}")

    def graph(self, module: nn.Module, inputs: Tensor) -> None:
        self._view(lambda: self._file.graph(graph_of(module, inputs)), once=True)

    def result(self, settings: Mapping[str, Any], figures: Mapping[str, float]) -> None:
        def write() -> None:
            kept = {k: v for k, v in settings.items() if isinstance(v, bool | int | float | str)}
            came = {f"result/{key}": value for key, value in figures.items()}
            for summary in settings_of(kept, list(came)):
                self._file.summary(0, summary)
            self._file.scalars(0, came)

        self._view(write)

    def went_back(self, step: int) -> None:
        # TensorBoard forgets what it read of later steps when a session starts
        self._view(lambda: self._file.begin_session(step + 1))

    def close(self) -> None:
        if self.events is not None:
            self._view(self._file.close)
            self.events = None

    @property
    def _file(self) -> EventFile:
        assert self.events is not None
        return self.events

    def _view(self, write: Callable[[], None], *, once: bool = False, opens: bool = False) -> None:
        """Does something with TensorBoard; a fault ends TensorBoard, not the training."""
        if self.events is None and not opens:
            return
        try:
            write()
        except Exception as error:
            self.listener.warn(
                f"TensorBoard: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}; left out, metrics.jsonl goes on"
            )
            if not once:
                self.events = None


def sheet_of(images_BCHW: Tensor, columns: int = 8, between: int = 2) -> Tensor:
    """Pictures in rows on black: float in 0…1, grey or RGB → uint8 [H, W, 3]."""
    count, channels, height, width = images_BCHW.shape
    rows, columns = -(-count // columns), min(columns, count)
    tall, wide = height + between, width + between
    sheet = torch.zeros(rows * tall + between, columns * wide + between, 3, dtype=torch.uint8)
    colours = images_BCHW[:, [0, 0, 0] if channels == 1 else [0, 1, 2]]
    for number, image in enumerate(colours.clamp(0, 1).mul(255).add(0.5).byte()):
        top, left = between + number // columns * tall, between + number % columns * wide
        sheet[top : top + height, left : left + width] = image.permute(1, 2, 0)
    return sheet


def _tag(key: str) -> str:
    """`val_loss` → `loss/val`, so that TensorBoard draws train and validation together."""
    for split in ("train", "val"):
        if key.startswith(f"{split}_"):
            return f"{key[len(split) + 1 :]}/{split}"
    return f"run/{key}"


def _plain(text: str) -> str:
    """Text that TensorBoard's Markdown shows as it is."""
    return "".join(
        f"&#{ord(c)};" if c in "<>&`*_[]()#|\\" or not c.isprintable() else c for c in text
    )
