"""What enters `ctc_loss`: L104 of raw scores, L112 of targets that hold the blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks import alignments as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # calls that are read
SURE = 2  # of them must show it


class Alignments(Watcher):
    """Reads the first few inputs of `ctc_loss`."""

    codes = ("L104", "L112")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.hits: dict[tuple[str, Place | None], int] = {}

    def operated(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,  # noqa: ARG002
    ) -> None:
        if name != "ctc_loss" or self.looks >= LOOKS:
            return
        self.looks += 1
        names = ("log_probs", "targets", "input_lengths", "target_lengths", "blank")
        given = dict(zip(names, args, strict=False)) | kwargs
        scores, targets, lengths = (given.get(k) for k in (*names[:2], names[3]))
        if not isinstance(scores, Tensor) or not isinstance(targets, Tensor):
            return
        found = [
            *criteria.ctc_on_scores(scores),
            *criteria.blank_in_targets(targets, lengths, int(given.get("blank", 0))),
        ]
        place = here()
        for finding in found:
            hits = self.hits[finding.code, place] = self.hits.get((finding.code, place), 0) + 1
            if hits == SURE:
                self.world.adopt([finding], place)
