"""Scores of scikit-learn and torchmetrics, where the program uses them."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from lamplighter.checks.batch_scores import OF_EACH_SAMPLE
from lamplighter.watch.imports import Change, when_imported
from lamplighter.watch.taps.wrapping import Taps, Wrapper

SKLEARN = (
    *("f1_score", "fbeta_score", "precision_score", "recall_score", "roc_auc_score"),
    *("average_precision_score", "precision_recall_fscore_support", "classification_report"),
    *("balanced_accuracy_score", "matthews_corrcoef", "cohen_kappa_score", "r2_score"),
    *("explained_variance_score", "mean_absolute_percentage_error", "d2_absolute_error_score"),
    *OF_EACH_SAMPLE,
)
TORCHMETRICS = (
    *("f1_score", "fbeta_score", "precision", "recall", "auroc", "average_precision"),
    *("matthews_corrcoef", "cohen_kappa", "r2_score", "pearson_corrcoef"),
    *("explained_variance", "mean_absolute_percentage_error"),
    *(
        f"{kind}_{name}"
        for kind in ("binary", "multiclass", "multilabel")
        for name in ("f1_score", "precision", "recall", "auroc", "average_precision")
    ),
)


def tap_scores(taps: Taps) -> None:
    """Tells each call, with its arguments by name."""
    stream = taps.stream

    def scored(original: Wrapper) -> Wrapper:
        names = tuple(inspect.signature(original).parameters)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if stream.on:
                given = dict(zip(names, args, strict=False)) | kwargs
                stream.tell("score_called", original.__name__, given, result)
            return result

        return wrapped

    def change(names: tuple[str, ...]) -> Change:
        def changed(module: ModuleType) -> None:
            for name in names:
                if inspect.isfunction(getattr(module, name, None)):
                    taps.replace(module, name, scored)

        return changed

    awaited = {"sklearn.metrics": change(SKLEARN)}
    for name in ("torchmetrics.functional", "torchmetrics.functional.classification"):
        awaited[name] = change(TORCHMETRICS)
    taps.undo.append(when_imported(awaited))
