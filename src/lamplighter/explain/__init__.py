"""Explains errors, layers and finding codes in plain words. Imports no torch by itself."""

from __future__ import annotations

from lamplighter.explain.kind import Explanation
from lamplighter.explain.tracebacks import explain_traceback, last_line

__all__ = ["Explanation", "explain_traceback", "last_line"]
