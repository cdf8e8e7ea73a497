"""Results in words and tables on stdout, for the commands that train and evaluate."""

from __future__ import annotations

from typing import Any

from lamplighter.cli.screen import print_table, printable
from lamplighter.run import Run


def percent(value: float | None) -> str:
    """0.9137 → "91.37 %"; None → "-"."""
    return "-" if value is None else f"{100 * value:.2f} %"


def print_run(run: Run) -> None:
    """What a training came to; the report's path last."""
    best = run.best
    value = next((v for k, v in best.items() if k.startswith("val_") and k != "val_loss"), None)
    metric = next((k for k in best if k.startswith("val_") and k != "val_loss"), "val_accuracy")
    shown = percent(value)
    if metric not in ("val_accuracy", "val_f1") and value is not None:
        shown = f"{value:.4g}"
    print(f"best: epoch {best['epoch']} of {run.epochs}, {metric.replace('_', ' ')} {shown}")
    if run.test:
        print_headline(run.test)
    print(f"model:  {run.artifact}")
    print(f"next:   {run.use}")
    print(f"report: {run.report}")


def print_headline(document: dict[str, Any]) -> None:
    """One line on a split: accuracy, interval and baseline, or the task's figures."""
    split, n = document["split"], document["n"]
    if document.get("accuracy") is None or "mae" in document:
        figures = [
            f"{k} {document[k]:.4g}" for k in ("mae", "rmse", "r2") if document.get(k) is not None
        ]
        print(f"{split}: {', '.join(figures)} on {n:,}")
        return
    low, high = document["interval"]
    print(
        f"{split}: accuracy {percent(document['accuracy'])} "
        f"({percent(low)} to {percent(high)}) on {n:,}; "
        f"always the commonest class: {percent(document.get('baseline'))}"
    )


def print_measures(document: dict[str, Any]) -> None:
    """The figures of `lamp evaluate`: headline, per class, most confused."""
    print_headline(document)
    if document.get("loss") is not None:
        error = document.get("calibration_error")
        told = f", calibration error {error:.3f}" if error is not None else ""
        print(f"loss {document['loss']:.4f}{told}")
    rows = [
        (c["name"], c["n"], _two(c["precision"]), _two(c["recall"]), _two(c["f1"]))
        for c in document.get("classes") or ()
    ]
    if rows:
        print()
        heads = ("class", "n", "precision", "recall", "f1")
        print_table(heads, rows, right=heads[1:])
    confused = [c for c in document.get("confused") or () if isinstance(c, dict)]
    if confused:
        print()
        for pair in confused[:5]:
            print(printable(f"{pair['n']} of {pair['label']} were called {pair['answer']}"))
    for path in document.get("unreadable") or ():
        print(printable(f"not readable, not counted: {path}"))


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
