"""Warnings of torch that tell of a mistake and that the program has silenced: V101."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.source.place import Place
    from lamplighter.watch.world import World

# beginnings or parts of what torch says where a program is most likely wrong
GRAVE = (
    "Using a target size",
    "Detected call of `lr_scheduler.step()` before",
    "Implicit dimension choice for",
    "optimizer contains a parameter group with duplicate parameters",
    "None of the inputs have requires_grad=True",
    "The .grad attribute of a Tensor that is not a leaf",
    "Detected call of `lr_scheduler.step(epoch)`",
    "The epoch parameter in `scheduler.step()` was not necessary",
)
LONGEST = 120  # characters of a warning that are told


class Silenced(Watcher):
    """Tells what a filter for all warnings has hidden, once for each such filter."""

    codes = ("V101",)

    def __init__(self, world: World) -> None:
        self.world = world

    def warning_hidden(self, text: str, place: Place | None) -> None:
        said = " ".join(text.split())
        grave = any(part in said for part in GRAVE)
        if grave and not self.world.found("V101"):
            short = said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
            self.world.report(
                "V101",
                "warning",
                "warnings",
                f"all warnings are silenced here, and with them torch's: “{short}”",
                'silence single ones by their text: warnings.filterwarnings("ignore", message="…")',
                place,
            )
