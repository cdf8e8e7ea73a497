"""The networks that can be asked for by name, with their published figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from lamplighter.errors import UnknownName
from lamplighter.models import timm_nets
from lamplighter.models.small import SMALL
from lamplighter.models.torchvision_nets import classifier_names, default_weights


@dataclass(frozen=True)
class Entry:
    """One network of the list.

    Args:
        name: what to give to --model.
        source: "lamplighter", "torchvision" or "timm".
        parameters: numbers it holds, with its published head; None if not published.
        accuracy: published top-1 accuracy on ImageNet in percent, of the default weights; None
            without such weights.
        size: height and width in pixels that the default weights expect; None if free.
        multiply_adds: for one picture of that size; None if not published.
        weights: file name of the default weights; empty without.
        about: a few words.
    """

    name: str
    source: str
    parameters: int | None = None
    accuracy: float | None = None
    size: int | None = None
    multiply_adds: int | None = None
    weights: str = ""
    about: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form of `lamp models --json`."""
        return {
            "name": self.name,
            "source": self.source,
            "parameters": self.parameters,
            "accuracy": self.accuracy,
            "size": self.size,
            "multiply_adds": self.multiply_adds,
            "weights": self.weights,
            "about": self.about,
        }


@cache
def catalogue() -> tuple[Entry, ...]:
    """All networks of Lamplighter and torchvision: ours first, then by name."""
    return (*map(_small, SMALL), *map(_published, classifier_names()))


def search(text: str = "") -> list[Entry]:
    """The networks whose name or description contains each word of `text`.

    Args:
        text: words in any case; "timm:WORD" searches timm's names. Empty gives all.

    Raises:
        UnknownName: nothing fits; with the nearest names.
        UsageError: timm was asked for and is not installed.
    """
    if text.lower().startswith(timm_nets.PREFIX):
        names = timm_nets.search(text[len(timm_nets.PREFIX) :])
        return [Entry(timm_nets.PREFIX + name, "timm") for name in names]
    words = text.lower().split()
    found = [e for e in catalogue() if all(w in f"{e.name} {e.source} {e.about}" for w in words)]
    if not found:
        known = [entry.name for entry in catalogue()]
        raise UnknownName("network", text, known, where="models", fix="lamp models lists all")
    return found


def _small(name: str) -> Entry:
    row = SMALL[name]
    parameters = sum(p.numel() for p in row.make().parameters())
    return Entry(name, "lamplighter", parameters, None, row.size, None, "", row.about)


def _published(name: str) -> Entry:
    weights = default_weights(name)
    facts = weights.meta
    figures = next(iter(facts["_metrics"].values()))
    return Entry(
        name=name,
        source="torchvision",
        parameters=int(facts["num_params"]),
        accuracy=float(figures["acc@1"]),
        size=int(weights.transforms().crop_size[0]),
        multiply_adds=round(facts["_ops"] * 1e9),
        weights=weights.url.rsplit("/", 1)[1],
    )
