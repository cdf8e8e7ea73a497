"""The order of work. READ THIS FIRST: every command is a walk through some of these stages.

    data → look → network → check → train → best → artifact → evaluate → report

Each stage is a room of its own; here they are called one after another and nothing else is done.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter import beginning, resumption, run_folder
from lamplighter.beginning import mark_allowed, new_folder, settle_findings, write_beginning
from lamplighter.checks.finding import Finding
from lamplighter.errors import DataError, UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.ownership import PLACE, recipe_of
from lamplighter.recipe import Recipe
from lamplighter.resumption import own_unfinished as own_unfinished
from lamplighter.resumption import resumed as resumed
from lamplighter.run import Run
from lamplighter.run_folder import RunFolder

if TYPE_CHECKING:
    from lamplighter.truth import Evaluation

PROBED = 4  # batches that the checks see


def train(recipe: Recipe, listener: Listener = SILENT, *, resume: RunFolder | None = None) -> Run:
    """The main job: from data to an artifact and its report.

    Args:
        recipe: what was asked.
        listener: shows and says.
        resume: a run to go on with; `recipe` is then that run's (see `resumed`).

    Raises:
        DataError, ModelError, UsageError: before anything is trained.
        AnswerIsNo: the checks found errors that were not allowed.
        RunFailed: the training could not go on; what it has is kept and can be resumed.
        Interrupted: a signal asked it to stop; it can be resumed.
    """
    from lamplighter.data.own import OwnSets
    from lamplighter.machine import seed_everything

    started = time.perf_counter()
    seed_everything(recipe.seed)
    beginning.refuse_early(recipe, fresh=resume is None)
    beginning.tell_processes(listener)
    source = open_data(recipe)
    if isinstance(source, OwnSets):
        from lamplighter.own_training import train_own

        return train_own(recipe, source, listener, resume=resume, started=started)

    from lamplighter.data.split import fingerprint
    from lamplighter.earlier import place_of
    from lamplighter.training.prepare import prepare

    collection = resume and resumption.collect_again(resume, source, recipe, listener)
    prepared = prepare(recipe, collection or _collect(recipe, source, listener), listener)
    findings: list[Finding] = []
    if recipe.checks != "off" and resume is None:
        report = _check_pictures(prepared, recipe, listener)
        findings = settle_findings(list(report), recipe, listener)
    _try_export(prepared, listener)
    folder = resume or new_folder(recipe, prepared.recipe.model)
    facts = {
        PLACE: place_of(recipe.data, recipe.data_root),
        "task": prepared.collection.task,
        "loss": prepared.parts.task.loss_named(prepared.recipe.loss),
        "preprocess": str(prepared.preprocess),
        "steps_per_epoch": prepared.parts.train.steps() or 0,
        "fingerprint": fingerprint(prepared.collection),
        **({"compile": prepared.compiling} if prepared.compiling else {}),
    }
    with folder.locked():
        if collection is None:
            from lamplighter.data.split_file import write_split

            write_split(prepared.collection, folder / run_folder.SPLIT)
        if resume is None:
            write_beginning(folder, recipe, prepared.recipe, facts, findings)
        else:
            resumption.write_again(folder, recipe, prepared.recipe, facts)
            findings = resumption.findings_of(folder)
        from lamplighter.finish import finish_pictures
        from lamplighter.sitting import finishing, sit
        from lamplighter.watching import watch_training

        keys = [example.key for example in prepared.collection.splits["train"]]
        seen = watch_training(prepared.parts, prepared.recipe, listener)
        session = sit(
            folder, prepared.parts, prepared.recipe, listener, resuming=bool(resume), names=keys
        )
        with finishing(folder, session, prepared.recipe):
            return finish_pictures(folder, prepared, session, [*findings, *seen], started, listener)


def _try_export(prepared: Any, listener: Listener) -> None:
    """Says before the training, not after it, when the network cannot be exported."""
    from lamplighter.export.trial import can_export

    network = prepared.network
    trial = can_export(network.module, network.architecture, prepared.preprocess)
    if trial.can is False:
        listener.warn(f"lamp export will not be able to write this network: {trial.why}")


def evaluate(
    model_text: str,
    data: str | None = None,
    *,
    split: str | None = None,
    own: Any = None,
    device: str = "auto",
    skip_unreadable: bool = False,
    data_options: Mapping[str, Any] | None = None,
    listener: Listener = SILENT,
) -> Evaluation:
    """The truth about a model on a split of its own data, or on new data.

    Args:
        model_text: a run's name or folder, or a model file.
        data: new data; None takes what the run was trained on, split as it was.
        split: "train", "val" or "test"; by default test where there is one, else val; for new data
            without splits all of it.
        own: the user's own network, where the model is one.
        skip_unreadable: go on without pictures that cannot be read; they are named.
        data_options: settings of the recipe's data section, for new data.

    Raises:
        ArtifactError, DataError, UsageError: what was named cannot be used.
    """
    from lamplighter.data.example import split_named, usual_split
    from lamplighter.evaluation.measure import measure
    from lamplighter.machine import cores
    from lamplighter.tasks.task import TASKS, make_loss
    from lamplighter.training.pictures import Reader
    from lamplighter.truth import Evaluation, align_to, outcome_of, train_counts

    split = split and split_named(split)
    model, folder = open_model(model_text, own=own, device=device)
    if model.artifact.preprocess is None:
        from lamplighter.own_evaluation import evaluate_own

        return Evaluation(model, None, *evaluate_own(model, folder, data, split, listener), folder)
    if data is None:
        collection = collection_of(folder, model_text, listener)
    else:
        options = {"task": model.artifact.task, **(data_options or {})}
        collection = _new_data(data, options, listener, skip_unreadable=skip_unreadable)
    counts = train_counts(collection) if data is None else None
    collection = align_to(model, collection)
    there = collection.splits
    chosen = split or usual_split(there)
    if data and folder is not None and chosen in there:
        _tell_seen(folder, collection.digests, [e.key for e in there[chosen]], listener)
    cache = "off" if data else "auto"
    reader = Reader(collection.source, collection.digests, cache, cores(), listener)
    outcome = outcome_of(
        model, collection, chosen, reader, skip_unreadable=skip_unreadable,
        loss=make_loss("auto", TASKS[model.artifact.task]), listener=listener,
    )  # fmt: skip
    measures = measure(outcome, train_counts=counts, temperature=model.artifact.temperature)
    looks = 1
    findings: tuple[Finding, ...] = ()
    if folder is not None and data is None:
        from lamplighter.data.split import fingerprint
        from lamplighter.evaluation.looks import record_look

        looks = record_look(
            folder.path.parent, split=chosen, run=folder.name,
            fingerprint=fingerprint(collection) + chosen,
        )  # fmt: skip
        findings = tuple(resumption.findings_of(folder))
    return Evaluation(model, collection, measures, outcome, folder, counts, looks, findings)


def _tell_seen(
    folder: RunFolder, digests: Mapping[str, str], keys: list[str], listener: Listener
) -> None:
    """Says when new data hold pictures that the model was trained on."""
    from lamplighter.data.split_file import read_split

    try:
        rows = read_split(folder / run_folder.SPLIT)
    except DataError:  # the run's folder was thinned out
        return
    trained = {row.digest for row in rows if row.split == "train" and row.digest}
    seen = [key for key in keys if digests.get(key) in trained]
    if seen:
        listener.warn(
            f"{len(seen):,} of these {len(keys):,} pictures were trained on (the same content), such "
            f"as {seen[0]}: the figures are better than the truth"
        )


def compare(
    run_a: str,
    run_b: str,
    data: str | None = None,
    *,
    shared_only: bool = False,
    listener: Listener = SILENT,
) -> tuple[Any, list[Path | None]]:
    """Is B better than A on the same pictures, and how surely?

    Args:
        run_a, run_b: names or folders of runs; with `data` also model files.
        data: pictures that both answer now; None takes what the runs answered when they ended.
        shared_only: compare on the pictures in common where the runs have others.

    Returns:
        (an evaluation.compare.Comparison, the folders of the two runs, None for a model file).

    Raises:
        DataError: they were not evaluated on the same pictures; says how they differ.
    """
    from lamplighter.evaluation.compare import compare as compare_answers
    from lamplighter.evaluation.predictions import answers_of, read_run

    if data is None:
        (folder_a, a), (folder_b, b) = read_run(run_a), read_run(run_b)
        return compare_answers(a, b, shared_only=shared_only), [folder_a, folder_b]
    answers, folders = [], []
    for text in (run_a, run_b):
        found = evaluate(text, data, listener=listener)
        name = found.folder.name if found.folder else Path(text).name
        answers.append(answers_of(found.outcome, name, found.model.artifact.temperature))
        folders.append(found.folder.path if found.folder else None)
    return compare_answers(*answers, shared_only=shared_only), folders


def open_model(text: str, *, own: Any = None, device: str = "auto") -> tuple[Any, RunFolder | None]:
    """The model of a run or of a file, and the run's folder if it was one."""
    from lamplighter.predict import load

    path = Path(text)
    if path.is_file() or path.suffix == ".safetensors":
        beside = path.parent
        is_run = (beside / run_folder.RECIPE).is_file()
        return load(path, own=own, device=device), RunFolder(beside) if is_run else None
    folder = run_folder.find(text)
    return load(folder / run_folder.ARTIFACT, own=own, device=device), folder


def collection_of(folder: RunFolder | None, text: str, listener: Listener) -> Any:
    """The data of a run, split as split.csv says."""
    if folder is None:
        raise UsageError(
            "a model file alone does not hold its data",
            where=text,
            fix=f"lamp evaluate {text} DATA",
        )
    from lamplighter.data.recorded import collect_as_recorded
    from lamplighter.data.split_file import read_split

    recipe = recipe_of(folder / run_folder.RECIPE)
    rows = read_split(folder / run_folder.SPLIT)
    return collect_as_recorded(open_data(recipe), rows, task=recipe.task, listener=listener)


def _new_data(
    data: str, options: Mapping[str, Any], listener: Listener, *, skip_unreadable: bool
) -> Any:
    """New data as a collection: its own splits, or all of it as the split "all"."""
    from lamplighter.data.own import OwnSets
    from lamplighter.data.scored import collect_to_score

    recipe = Recipe(data=data, **options)
    source = open_data(recipe, scored=True)
    if isinstance(source, OwnSets):
        raise DataError(
            "these are tensors; the model takes pictures",
            where=data,
            fix="name a folder of pictures, a table, or a data set whose items are (picture, label)",
        )
    return collect_to_score(
        source, task=recipe.task, skip_unreadable=skip_unreadable, listener=listener
    )


def open_data(recipe: Recipe, *, scored: bool = False) -> Any:
    """The source of a recipe's data (or own data sets), as its data section says.

    Args:
        scored: a model is only judged on them.
    """
    from lamplighter.data.sources import open_source

    if not recipe.data:
        raise UsageError("no data was named", where="DATA", fix="lamp train digits")
    return open_source(
        recipe.data,
        data_root=recipe.data_root,
        download=recipe.download,
        path_column=recipe.path_column,
        label_column=recipe.label_column,
        group_column=recipe.group_column,
        split_column=recipe.split_column,
        task=recipe.task,
        scored=scored,
    )


def _collect(
    recipe: Recipe, source: Any, listener: Listener, skip: frozenset[str] = frozenset()
) -> Any:
    from lamplighter.data.digests import UnreadableFiles

    try:
        return _collected(recipe, source, listener, skip)
    except UnreadableFiles as fault:
        if not recipe.skip_unreadable:
            raise
        named = ", ".join(sorted(fault.keys)[:5]) + (" …" if len(fault.keys) > 5 else "")
        count = len(fault.keys)
        told = (
            "1 file that cannot be read is"
            if count == 1
            else f"{count:,} files that cannot be read are"
        )
        listener.warn(f"{told} left out: {named}")
        return _collected(recipe, source, listener, skip | fault.keys)


def _collected(recipe: Recipe, source: Any, listener: Listener, skip: frozenset[str]) -> Any:
    from lamplighter.data.split import collect

    return collect(
        source,
        val=None if recipe.val_share == "auto" else recipe.val_share,
        test=None if recipe.test_share == "auto" else recipe.test_share,
        seed=recipe.split_seed,
        task=recipe.task,
        skip=skip,
        listener=listener,
    )


def check(recipe: Recipe, listener: Listener = SILENT) -> Any:
    """Every check that can run before training, on the real data, network, loss and optimizer.

    Returns:
        A checks.report.Report; errors in it stop nothing here.
    """
    from lamplighter.checks.report import Report
    from lamplighter.data.own import OwnSets
    from lamplighter.machine import seed_everything
    from lamplighter.training.prepare import prepare

    seed_everything(recipe.seed)
    source = open_data(recipe)
    if isinstance(source, OwnSets):
        from lamplighter.own_training import check_own

        report: Report = check_own(recipe, source, listener)
    else:
        prepared = prepare(recipe, _collect(recipe, source, listener), listener)
        report = _check_pictures(prepared, recipe, listener)
    report.findings = mark_allowed(report.findings, recipe)
    return report


def _check_pictures(prepared: Any, asked: Recipe, listener: Listener) -> Any:
    """The checks on the pictures and on network, loss and optimizer together: a Report."""
    from lamplighter.checks.check import check as check_objects
    from lamplighter.earlier import changed_since
    from lamplighter.look.verdict import scan

    parts, preprocess = prepared.parts, prepared.preprocess
    findings = scan(
        prepared.collection, size=preprocess.size, fit=preprocess.fit,
        resize=preprocess.resize, listener=listener,
    )  # fmt: skip
    report = check_objects(
        parts.module,
        probe_batches(parts.train),
        val=probe_batches(parts.val) if parts.val else None,
        loss=parts.loss,
        optimizer=parts.optimizer,
        task=prepared.collection.task,
        level=prepared.recipe.checks,
    )
    changed = changed_since(asked, prepared.collection)
    report.findings = [*changed, *findings, *report.findings]
    report.checks += 1
    return report


def probe_batches(batches: Any) -> list[tuple[Any, Any]]:
    """The first few batches of an epoch as (inputs, targets), for checks that probe."""
    return [(b.inputs, b.targets) for b in itertools.islice(batches.epoch(1), PROBED)]
