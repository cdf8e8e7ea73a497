"""A torch.export program (.pt2): for PyTorch without Lamplighter, AOTInductor and ExecuTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lamplighter.artifact import Artifact
from lamplighter.errors import ModelError
from lamplighter.export.deployed import Deployed, describe, first_line, trace

LABELS = "lamplighter.json"  # within the archive, below extra/


def need_packages() -> None:
    """Nothing beyond torch."""


def write(deployed: Deployed, artifact: Artifact, file: Path) -> None:
    """Writes the network with preprocessing and probabilities; labels go into an extra file.

    Raises:
        ModelError: the network cannot be written as a program.
    """
    assert artifact.preprocess is not None
    program = trace(deployed, artifact.preprocess)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(program, str(file), extra_files={LABELS: describe(artifact)})
    except Exception as error:  # the serialiser knows not every operator and raises many kinds
        raise ModelError(
            f"it cannot be written as a program: {first_line(error)}",
            where=artifact.architecture.name,
            fix="--to onnx may know its operators",
        ) from error


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The file that was just written as a function: uint8 [B, S, S, C] → float32 [B, K].

    Only for our own fresh file: `torch.export.load` unpickles what an archive tells it to.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(str(file)).module()

    def answer(pictures_BHWC: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(program(torch.from_numpy(pictures_BHWC)).numpy())

    return answer
