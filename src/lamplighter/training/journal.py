"""Writing down what happens: metrics.jsonl is the truth, TensorBoard a view of it.

Logging never stops a training: what cannot be written to TensorBoard (a full disk, say) is said
once and left out from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lamplighter.listener import SILENT, Listener
from lamplighter.run_folder import RunFolder


class Journal:
    """Hears what the loop does; this one forgets it."""

    def steps(self, first: int, losses: Sequence[float], rates: Sequence[float]) -> None:
        """Losses and learning rates of consecutive optimizer steps, from step `first` (from 1)."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """A line of metrics.jsonl."""

    def pictures(self, name: str, images_BCHW: Tensor, captions: Sequence[str], step: int) -> None:
        """Pictures in 0…1, with what is to be said under each."""

    def graph(self, module: torch.nn.Module, inputs: Any) -> None:
        """The network's graph."""

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
        self.writer: Any = None
        if tensorboard:
            self._view(lambda: self._open(purge_step))

    def _open(self, purge_step: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(self.folder.path), purge_step=purge_step, max_queue=1000)

    def steps(self, first: int, losses: Sequence[float], rates: Sequence[float]) -> None:
        def write() -> None:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary

            # one event for both, made here: half the cost of two add_scalar
            now = time.time()
            for step, (loss, rate) in enumerate(zip(losses, rates, strict=True), first):
                values = [
                    Summary.Value(tag="step/train_loss", simple_value=loss),
                    Summary.Value(tag="step/lr", simple_value=rate),
                ]
                event = Event(wall_time=now, step=step, summary=Summary(value=values))
                self.writer.file_writer.event_writer.add_event(event)

        self._view(write)

    def epoch(self, row: Mapping[str, Any]) -> None:
        self.folder.append_metrics(row)

        def write() -> None:
            for key, value in row.items():
                if key not in ("epoch", "step") and isinstance(value, int | float):
                    self.writer.add_scalar(_tag(key), value, row["step"])
            self.writer.flush()

        self._view(write)

    def pictures(self, name: str, images_BCHW: Tensor, captions: Sequence[str], step: int) -> None:
        from torchvision.utils import make_grid, save_image

        # one picture per step: TensorBoard's slider then moves through the steps
        sheet = make_grid(images_BCHW.clamp(0, 1), nrow=8)

        def write() -> None:
            self.writer.add_image(name, sheet, step)
            if captions:
                text = "  \n".join(f"{i + 1}. {_plain(c)}" for i, c in enumerate(captions))
                self.writer.add_text(f"{name}/captions", text, step)

        def save() -> None:
            file = self.folder / f"{name}.png"
            file.parent.mkdir(exist_ok=True)
            save_image(sheet, file)

        self._view(write)
        try:
            save()
        except OSError as error:
            self.listener.warn(f"{name}.png could not be written: {error.strerror or error}")

    def graph(self, module: torch.nn.Module, inputs: Any) -> None:
        import warnings

        def write() -> None:
            with warnings.catch_warnings():  # tracing warns about every shape that it fixes
                warnings.simplefilter("ignore")
                self.writer.add_graph(module, inputs)

        self._view(write, once=True)

    def result(self, settings: Mapping[str, Any], figures: Mapping[str, float]) -> None:
        def write() -> None:
            kept = {k: v for k, v in settings.items() if isinstance(v, bool | int | float | str)}
            from torch.utils.tensorboard.summary import hparams

            # add_hparams would open a second folder beside the run and mix up its name
            for summary in hparams(kept, {f"result/{k}": v for k, v in figures.items()}):
                self.writer.file_writer.add_summary(summary)
            for key, value in figures.items():
                self.writer.add_scalar(f"result/{key}", value)

        self._view(write)

    def went_back(self, step: int) -> None:
        def write() -> None:
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog

            # TensorBoard forgets what it read of later steps when a session starts
            started = SessionLog(status=SessionLog.START)
            self.writer.file_writer.add_event(Event(step=step + 1, session_log=started))

        self._view(write)

    def close(self) -> None:
        if self.writer is not None:
            self._view(self.writer.close)
            self.writer = None

    def _view(self, write: Callable[[], None], *, once: bool = False) -> None:
        """Does something with TensorBoard; a fault ends TensorBoard, not the training."""
        if self.writer is None and write.__name__ != "<lambda>":
            return
        try:
            write()
        except Exception as error:
            self.listener.warn(
                f"TensorBoard: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}; left out, metrics.jsonl goes on"
            )
            if not once:
                self.writer = None


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
