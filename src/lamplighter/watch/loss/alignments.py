"""What enters `ctc_loss`: L104 of raw scores, L112 of targets that hold the blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.checks import alignments as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here, running_module

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # calls that are read
SURE = 2  # of them must show it


class Alignments(Watcher):
    """Reads the first few inputs of `ctc_loss`."""

    codes = ("L104", "L112")
    operations = frozenset({"ctc_loss"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.looks >= LOOKS:
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
        for finding in found:
            place = here()
            if finding.code == "L112":
                place = self._where_blank_is_set(place)
            if self.hits.again((finding.code, place)):
                self.world.adopt([finding], place)

    def _where_blank_is_set(self, call: Place | None) -> Place | None:
        """The line that builds the criterion, or that calls the function."""
        criterion = running_module(nn.CTCLoss)
        return (self.world.origins.birth(criterion) if criterion is not None else None) or call
