"""Values as lines of TOML, which Python reads but does not write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def toml_lines(values: Mapping[str, Any]) -> list[str]:
    """A `key = value` line for each; None, which TOML does not have, is left out.

    Raises:
        TypeError: a value that TOML has no form for.
    """
    return [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # NumPy's floats are floats with a repr of their own
        return repr(int(value)) if isinstance(value, int) else repr(float(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"no TOML form for {value!r}")


def _text(text: str) -> str:
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else {"\\": "\\\\", '"': '\\"'}.get(c, c)
        for c in text
    )
    return f'"{escaped}"'
