"""The kinds of errors that can be explained: one explicit table, by theme.

The order counts: the first kind whose pattern is found explains the error, so a narrow pattern
stands before a wide one.
"""

from __future__ import annotations

from lamplighter.explain.errors.accelerators import ACCELERATORS
from lamplighter.explain.errors.calls import CALLS
from lamplighter.explain.errors.devices import DEVICES
from lamplighter.explain.errors.dtypes import DTYPES
from lamplighter.explain.errors.files import FILES
from lamplighter.explain.errors.gradients import GRADIENTS
from lamplighter.explain.errors.loaders import LOADERS
from lamplighter.explain.errors.losses import LOSSES
from lamplighter.explain.errors.modules import MODULES
from lamplighter.explain.errors.norms import NORMS
from lamplighter.explain.errors.pictures import PICTURES
from lamplighter.explain.errors.programs import PROGRAMS
from lamplighter.explain.errors.sequences import SEQUENCES
from lamplighter.explain.errors.settings import SETTINGS
from lamplighter.explain.errors.shapes import SHAPES
from lamplighter.explain.errors.slips import SLIPS
from lamplighter.explain.errors.values import VALUES
from lamplighter.explain.kind import Kind

KINDS: tuple[Kind, ...] = (
    *ACCELERATORS,
    *DEVICES,
    *LOADERS,
    *LOSSES,
    *SHAPES,
    *NORMS,
    *DTYPES,
    *GRADIENTS,
    *SEQUENCES,
    *FILES,
    *PICTURES,
    *CALLS,
    *MODULES,
    *SETTINGS,
    *VALUES,
    *PROGRAMS,
    *SLIPS,
)
