"""After the last epoch: the best weights, the artifact, the truth about it, the report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lamplighter import run_folder
from lamplighter.artifact import Artifact, save_artifact
from lamplighter.checks.finding import Finding
from lamplighter.data.split import fingerprint
from lamplighter.evaluation.calibration import fit_temperature, suggest_threshold
from lamplighter.evaluation.looks import record_look
from lamplighter.evaluation.measure import measure
from lamplighter.evaluation.outcome import Outcome, computed_cells, write_predictions
from lamplighter.evaluation.report import write_report
from lamplighter.evaluation.suspects import suspects_finding
from lamplighter.listener import Listener
from lamplighter.machine import environment
from lamplighter.predict import Model, how_to_ask
from lamplighter.proof import prove_alone
from lamplighter.run import Run
from lamplighter.run_folder import RunFolder
from lamplighter.sitting import best_of
from lamplighter.training.prepare import Prepared
from lamplighter.training.session import Session
from lamplighter.truth import heat_maps, outcome_of, thumbnails, train_counts

ENOUGH_TO_CALIBRATE = 50  # validation pictures; a temperature from fewer is noise


def finish_pictures(
    folder: RunFolder,
    prepared: Prepared,
    session: Session,
    findings: Sequence[Finding],
    started: float,
    listener: Listener,
) -> Run:
    """Leaves artifact, predictions and report in the run folder, and says what came out."""
    best = session.best_state()
    if best is not None:
        prepared.parts.module.load_state_dict(best)
    collection, recipe = prepared.collection, prepared.recipe
    artifact = Artifact(
        architecture=prepared.network.architecture,
        task=collection.task,
        classes=collection.classes,
        preprocess=prepared.preprocess,
        data={"name": collection.source.name, "fingerprint": fingerprint(collection)},
        recipe={k: v for k, v in vars(recipe).items() if k not in ("out", "name")},
        versions=_versions(recipe.seed, recipe.device),
    )
    model = Model(artifact, prepared.parts.module, prepared.parts.device)
    outcomes = {
        split: outcome_of(
            model, collection, split, prepared.reader, loss=prepared.parts.loss,
            skip_unreadable=recipe.skip_unreadable, listener=listener,
        )
        for split in ("val", "test")
        if split in collection.splits
    }  # fmt: skip
    model.artifact, temperature, threshold = calibrate(artifact, outcomes.get("val"))
    t = model.artifact.temperature
    counts = train_counts(collection)
    measures = {s: measure(o, train_counts=counts, temperature=t) for s, o in outcomes.items()}
    figures = {split: summary(m.as_json()) for split, m in measures.items()}
    model.artifact = replace(model.artifact, metrics={"best": best_of(session), **figures})
    use = how_to_ask(model.artifact, str(folder))
    save_artifact(folder / run_folder.ARTIFACT, model.artifact, prepared.parts.module)
    reported = "test" if "test" in outcomes else "val" if "val" in outcomes else None
    if reported:
        write_predictions(outcomes[reported], folder / run_folder.PREDICTIONS, temperature=t)
        computed = computed_cells(outcomes[reported])
        if computed:
            listener.warn(
                f"{run_folder.PREDICTIONS} and {run_folder.SPLIT} hold names that a spreadsheet would "
                f"compute as formulas ({', '.join(computed[:3])}): import their columns as text"
            )
        looks = record_look(
            folder.path.parent, split=reported, run=folder.name,
            fingerprint=model.artifact.data["fingerprint"] + reported,
        )  # fmt: skip
        report = write_report(
            folder.path,
            name=folder.name,
            measures=measures[reported],
            val_measures=measures.get("val") if reported == "test" else None,
            outcome=outcomes[reported],
            rows=folder.metrics(),
            findings=findings,
            train_counts=counts,
            recipe={k: v for k, v in vars(recipe).items() if v is not None},
            environment=folder.read_json(run_folder.ENVIRONMENT) or {},
            thumbnails=thumbnails(collection),
            explanations=heat_maps(model, collection),
            temperature=temperature,
            threshold=threshold,
            looks=looks,
            use=use,
        )
        listener.say(report.verdict)
        findings = [*findings, *suspects_finding(list(report.suspects), reported)]
    folder.write_json(run_folder.FINDINGS, [finding.as_json() for finding in findings])
    prove_alone(folder / run_folder.ARTIFACT, prepared.parts)
    test = measures["test"].as_json() if "test" in measures else None
    return close(
        folder, session, findings, started, test, figures.get(reported or "", {}), recipe, use
    )


def close(
    folder: RunFolder,
    session: Session,
    findings: Sequence[Finding],
    started: float,
    test: dict[str, Any] | None,
    figures: dict[str, float],
    recipe: Any,
    use: str,
    own: Any = None,
) -> Run:
    """Writes the last status and gives the run back."""
    rows = folder.metrics()
    best = best_of(session)
    if session.journal is not None:
        told = {k: float(v) for k, v in best.items() if isinstance(v, int | float)} | figures
        session.journal.result({k: v for k, v in vars(recipe).items() if v is not None}, told)
        session.journal.close()
    folder.write_status(
        "finished",
        epoch=session.progress.epoch,
        epochs=session.parts.epochs,
        best=best,
        reason=session.progress.ended,
    )
    return Run(
        path=folder.path,
        state="finished",
        epochs=session.progress.epoch,
        best=best,
        test=test,
        findings=tuple(findings),
        seconds=time.perf_counter() - started,
        rows=tuple(rows),
        own=own,
        use=use,
    )


def calibrate(artifact: Artifact, val: Outcome | None) -> tuple[Artifact, Any, Any]:
    """Temperature and "unsure" threshold from validation, kept in the artifact."""
    if val is None or val.task != "classification" or len(val.keys) < ENOUGH_TO_CALIBRATE:
        return artifact, None, None
    temperature = fit_temperature(val)
    threshold = suggest_threshold(val, temperature=temperature.value)
    changed = replace(artifact, temperature=temperature.value, unsure_below=threshold.value)
    return changed, temperature, threshold


def summary(document: dict[str, Any]) -> dict[str, float]:
    """The plain numbers of a measurement, for the artifact and TensorBoard."""
    kept = (
        "n", "accuracy", "loss", "baseline", "calibration_error", "macro_f1", "micro_f1", "mae", "rmse",
        "r2",
    )  # fmt: skip
    return {key: document[key] for key in kept if isinstance(document.get(key), int | float)}


def _versions(seed: int, device: str) -> dict[str, Any]:
    facts = environment(seed, device)
    return {key: facts[key] for key in ("python", "torch", "torchvision", "pillow", "lamplighter")}
