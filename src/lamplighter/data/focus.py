"""The second half of a training shows what is learnt worst, and leaves out what is known already."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

FROM = 0.5  # of the training; before, every picture is shown in every epoch
LEAST = 0.25  # share of the pictures: fewer would be learnt by heart


class Focus:
    """Remembers each picture's newest loss and chooses by it.

    An epoch is as long as ever: it shows the chosen ones again until it is full. Pictures with a
    wrong label stay hard, so a set with many of them gains less, or nothing.

    Args:
        count: training pictures.
        share: of them that a later epoch shows, from `LEAST` to 1.

    Source: Jiang et al. 2019, Accelerating deep learning by focusing on the biggest losers
    (arXiv 1910.00762); here by losses that come with the steps, at no cost.
    """

    def __init__(self, count: int, share: float) -> None:
        self.share = share
        self.losses_N = torch.full((count,), math.inf)  # not seen yet is learnt worst
        self.epoch = 0
        self.chosen: Tensor | None = None

    def begin(self, epoch: int, done: float) -> None:
        """Chooses what an epoch shows; one that is gone on with keeps its choice.

        Args:
            epoch: its number, from 1.
            done: how much of the training lies before it, 0 to 1.
        """
        if epoch == self.epoch:
            return
        self.epoch, self.chosen = epoch, None
        if done >= FROM:
            worst_first = self.losses_N.cpu().argsort(descending=True, stable=True)
            self.chosen = worst_first[: math.ceil(self.share * len(worst_first))]

    def rounds(self, epoch: int, generator: torch.Generator) -> list[Tensor]:
        """Positions in the order of the epoch, in rounds that show no picture twice."""
        count = len(self.losses_N)
        shown = self.chosen if epoch == self.epoch else None
        if shown is None:
            return [torch.randperm(count, generator=generator)]
        found: list[Tensor] = []
        for start in range(0, count, len(shown)):
            order = shown[torch.randperm(len(shown), generator=generator)]
            found.append(order[: count - start])
        return found

    def note(self, positions: Tensor | None, logits_BK: Tensor, targets_B: Tensor) -> None:
        """Takes note of the losses of a step.

        Args:
            positions: which pictures these are.
            logits_BK: the network's outputs.
            targets_B: int64, the classes.
        """
        if positions is None:
            return
        if self.losses_N.device != logits_BK.device:
            self.losses_N = self.losses_N.to(logits_BK.device)
        losses_B = F.cross_entropy(logits_BK.detach().float(), targets_B, reduction="none")
        self.losses_N[positions.to(logits_BK.device)] = losses_B

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        chosen = torch.empty(0, dtype=torch.int64) if self.chosen is None else self.chosen
        return {"losses": self.losses_N.cpu(), "epoch": self.epoch, "chosen": chosen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores `state_dict`."""
        self.losses_N = state["losses"].clone()
        self.epoch = int(state["epoch"])
        self.chosen = state["chosen"].clone() if len(state["chosen"]) else None
