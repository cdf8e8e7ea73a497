"""How to build a network again: names and numbers only, so that it can travel in an artifact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lamplighter.errors import ArtifactError
from lamplighter.named import looks_named

Option = bool | int | float | str
SOURCES = ("torchvision", "lamplighter", "timm", "own")
FIELDS = ("source", "name", "outputs", "channels", "options")
CALLS = ("num_classes", "outputs", "n_classes", "nothing", "as it is")
MOST_OUTPUTS = 1_000_000
MOST_CHANNELS = 4096
LARGEST_SIZE = 8192
_TIMM_NAME = re.compile(r"[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)?")


@dataclass(frozen=True)
class Architecture:
    """What a network is built from.

    Args:
        source: "torchvision", "lamplighter", "timm" or "own".
        name: a key of the source's table; `package.module:Class` for "own".
        outputs: numbers per picture that the network gives (classes), 1 or more.
        channels: planes per input picture, 1 or more.
        options: what else the builder was told, such as {"size": 32, "activation": "relu"}.
    """

    source: str
    name: str
    outputs: int
    channels: int = 3
    options: Mapping[str, Option] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    def __reduce__(self) -> tuple[Any, ...]:
        # the read-only view of the options cannot be copied or sent to a worker as it is
        fields = (self.source, self.name, self.outputs, self.channels, dict(self.options))
        return (type(self), fields)

    def as_json(self) -> dict[str, Any]:
        """The form kept in an artifact and in recipes."""
        return {
            "source": self.source,
            "name": self.name,
            "outputs": self.outputs,
            "channels": self.channels,
            "options": dict(self.options),
        }

    @classmethod
    def from_json(cls, document: object) -> Architecture:
        """Reads what `as_json` wrote, trusting nothing in it.

        The names must be keys of Lamplighter's own tables; an own class is only read as a text,
        never imported.

        Args:
            document: the parsed JSON, from any hand.

        Raises:
            ArtifactError: a field is missing, unknown, of a wrong type or out of range.
        """
        if not isinstance(document, Mapping):
            raise _fault(f"expected an object, got {type(document).__name__}")
        unknown = sorted(str(key) for key in set(document) - set(FIELDS))
        missing = [key for key in FIELDS if key not in document]
        if unknown or missing:
            raise _fault(f"missing fields {missing}, unknown fields {_short(unknown)}")
        source, name = document["source"], document["name"]
        if source not in SOURCES:
            raise _fault(f"unknown source {_short(source)}; known are {', '.join(SOURCES)}")
        if not isinstance(name, str) or len(name) > 300:
            raise _fault(f"the name must be a text, got {_short(name)}")
        outputs = _whole(document["outputs"], "outputs", MOST_OUTPUTS)
        channels = _whole(document["channels"], "channels", MOST_CHANNELS)
        _check_name(source, name)
        options = _options(source, name, document["options"])
        return cls(source, name, outputs, channels, options)


def known_options(
    source: str, name: str
) -> dict[str, tuple[Option, ...] | type[int] | re.Pattern[str]]:
    """The options that a builder takes: name → allowed values, a text's form, or `int` for pixels."""
    if source == "lamplighter":
        from lamplighter.models.small import SMALL

        return dict(SMALL[name].options) if name in SMALL else {}
    if source == "torchvision" and name.startswith(("vit_", "maxvit_")):
        return {"size": int}
    if source == "own":
        return {"called_with": CALLS}
    return {}


def _check_name(source: str, name: str) -> None:
    if source == "own":
        fits = looks_named(name)
    elif source == "timm":
        # timm's own naming also takes "hf-hub:…" and "local-dir:…"; those would fetch or read files
        fits = _TIMM_NAME.fullmatch(name) is not None
    elif source == "lamplighter":
        from lamplighter.models.small import SMALL

        fits = name in SMALL
    else:
        from lamplighter.models.torchvision_nets import classifier_names

        fits = name in classifier_names()
    if not fits:
        raise _fault(f"{source} has no network called {_short(name)}")


def _options(source: str, name: str, found: object) -> dict[str, Option]:
    if not isinstance(found, Mapping):
        raise _fault(f"options must be an object, got {type(found).__name__}")
    known = known_options(source, name)
    for key, value in found.items():
        if key not in known:
            raise _fault(f"{name} has no option {_short(key)}")
        allowed = known[key]
        if isinstance(allowed, type):
            _whole(value, f"option {key}", LARGEST_SIZE)
        elif isinstance(allowed, re.Pattern):
            if not isinstance(value, str) or not allowed.fullmatch(value):
                raise _fault(f"option {key} must be of the form {allowed.pattern}")
        elif not isinstance(value, str) or value not in allowed:
            raise _fault(f"option {key} must be one of {', '.join(map(str, allowed))}")
    return dict(found)


def _whole(value: object, what: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise _fault(f"{what} must be a whole number from 1 to {most:,}, got {_short(value)}")
    return value


def _short(value: object) -> str:
    """The value as Python shows it, cut: a stranger's text may be a megabyte long."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _fault(message: str) -> ArtifactError:
    return ArtifactError(
        f"the description of the network cannot be used: {message}",
        where="architecture",
        fix="the file is damaged or from another program; export it again with this version",
    )
