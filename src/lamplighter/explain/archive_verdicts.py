"""Judgements that several kinds of archive share: names that lead outside, Keras's layers."""

from __future__ import annotations

import re
from pathlib import Path

from lamplighter.explain.model_file import ModelFile

LAMBDA = re.compile(rb'"class_name":\s*"(?:Lambda|TFOpLambda|SlicingOpLambda)"')
MODULE = re.compile(rb'"module":\s*"(?!keras|tensorflow|tf_keras|builtins")([\w.]{1,80})"')


def outside(name: str, *, up: bool = False) -> bool:
    """Whether a name in an archive leads out of the folder that it is unpacked to.

    Args:
        up: a link's target may go up without leaving; only absolute ones are outside.
    """
    parts = name.replace("\\", "/").split("/")
    absolute = name.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", name))
    if absolute or up:
        return absolute
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False


def tell_keras(
    path: Path, kind: str, lambdas: bool, modules: list[str], is_model: bool
) -> ModelFile:
    """Judges a Keras model by its configuration.

    Args:
        kind: "hdf5" or "keras".
        lambdas: whether it has Lambda layers.
        modules: what it would import besides Keras and TensorFlow.
        is_model: whether there is a configuration at all, and not arrays alone.
    """
    size = path.stat().st_size
    title = "a Keras model" if kind == "keras" else "an HDF5 file with a Keras model"
    if lambdas or modules:
        why = ["Lambda layers, which hold Python bytecode"] if lambdas else []
        why += [f"layers from {', '.join(modules[:5])}, which it would import"] if modules else []
        return ModelFile(
            str(path), kind, title, True,
            f"It has {' and '.join(why)}. keras.load_model runs that"
            + (", and in this old format safe_mode does not stop it." if kind == "hdf5" else " unless safe_mode is on."),
            dangerous=tuple(modules),
            fix="take its arrays alone: h5py.File(path)" if kind == "hdf5" else "ask its maker for weights alone", size=size,
        )  # fmt: skip
    if is_model:
        return ModelFile(
            str(path), kind, title, False,
            "Its layers are Keras's own: no Lambda and no class from elsewhere was found in its configuration.",
            fix="keras.models.load_model(path, safe_mode=True)", size=size,
        )  # fmt: skip
    return ModelFile(
        str(path), kind, "an HDF5 file (h5py, Keras weights)", False,
        "It holds arrays and no Keras model. Reading them runs no code.",
        fix="h5py.File(path)", size=size,
    )  # fmt: skip


def tell_slips(path: Path, kind: str, slips: list[str]) -> ModelFile:
    """An archive made to write where it should not."""
    return ModelFile(
        str(path), kind, "an archive that would write outside of its folder", True,
        f"Unpacked without care, {len(slips)} of its files land elsewhere ({', '.join(slips[:3])}): "
        "a program or a start-up file can be overwritten like that. It is an attack.",
        dangerous=tuple(slips[:20]), fix="delete it", size=path.stat().st_size,
    )  # fmt: skip
