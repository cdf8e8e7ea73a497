"""Observes somebody else's training: `watch` for a block, `script` for a whole program."""

from lamplighter.watch.watching import Watch, watch

__all__ = ["Watch", "watch"]
