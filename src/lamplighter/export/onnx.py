"""ONNX: one file that ONNX Runtime, and much else, runs without PyTorch."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamplighter.artifact import Artifact
from lamplighter.errors import ModelError, UsageError
from lamplighter.export.deployed import INPUT, OUTPUTS, Deployed, describe, first_line, trace

NEEDS = ("onnx", "onnxscript", "onnxruntime")
# Opset 20 is what the exporter of torch 2.11 and later writes without converting, and every
# onnxruntime since 1.17 (early 2024) reads it.
OPSET = 20
LARGEST = 1_900_000_000  # bytes; a protobuf message ends at 2 GiB


def need_packages() -> None:
    """Refuses early when the extra is missing.

    Raises:
        UsageError: names what is missing and how to get it.
    """
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"ONNX needs packages that are not installed: {', '.join(missing)}",
            where="--to onnx",
            fix='pip install "lamplighter[onnx]", or --to program, which needs torch alone',
        )


def write(deployed: Deployed, artifact: Artifact, file: Path) -> None:
    """Writes the network with preprocessing and probabilities; labels go into the metadata.

    Raises:
        ModelError: the network cannot be written as ONNX.
    """
    assert artifact.preprocess is not None
    size = sum(t.numel() * t.element_size() for t in deployed.state_dict().values())
    if size > LARGEST:
        raise ModelError(
            f"its weights are {size:,} bytes, and one ONNX file holds less than 2 GiB",
            where=artifact.architecture.name,
            fix="--to program has no such limit",
        )
    program = trace(deployed, artifact.preprocess)
    try:
        with _quiet():
            made: Any = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUTS[artifact.task]],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                external_data=False,
                verbose=False,
            )
            _strip(made.model)
            made.model.metadata_props["lamplighter"] = describe(artifact)
            # the key that other tools look under
            made.model.metadata_props["labels"] = json.dumps(list(artifact.classes))
            made.save(str(file), external_data=False)
    except Exception as error:  # the exporter translates every operator, each with its own errors
        raise ModelError(
            f"it cannot be written as ONNX: {first_line(error)}",
            where=artifact.architecture.name,
            fix="--to program takes every network that torch.export takes",
        ) from error


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The written file as a function: uint8 [B, S, S, C] → float32 [B, K], by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def answer(pictures_BHWC: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {INPUT: pictures_BHWC})[0])

    return answer


def _strip(model: Any) -> None:
    """Takes out the traces of the machine that exported: source lines, paths, class names."""
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for function in model.functions.values():
        for node in function.all_nodes():
            node.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks through warnings and loggers about things nobody can act on."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
