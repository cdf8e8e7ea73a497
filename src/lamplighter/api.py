"""The same stages as the commands, called from Python.

Talk and progress go to stderr (or into the notebook's cell) as they do on the command line; pass
`listener=lamplighter.listener.SILENT` for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lamplighter.listener import Listener
from lamplighter.run import Run


def train(
    data: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    resume: str | Path | Run | bool | None = None,
    listener: Listener | None = None,
    **settings: Any,
) -> Run:
    """Trains a network on pictures, as `lamp train` does.

    Args:
        data: folder, table, data set name, `package.module:name`, or several joined with " + ".
        recipe: a built-in recipe's name ("speed") or a TOML file; settings win over it.
        resume: a run to go on with, by its name, its folder or itself; True takes the newest one
            that is unfinished, of `data` where that is given. Settings that differ are changed.
        listener: shows and says; by default the screen.
        settings: any setting of `lamp train --help`: model="resnet18", epochs=5, …

    Raises:
        LamplighterError: see `lamplighter.errors`.
    """
    from lamplighter import stages
    from lamplighter.asked import ask

    heard = listener or _screen()
    given = {**settings, **({} if data is None else {"data": str(data)})}
    if resume is None or resume is False:
        return stages.train(ask(recipe, given), heard)
    text = None if resume is True else str(resume.path if isinstance(resume, Run) else resume)
    folder, resumed = stages.resumed(text, given, heard)
    return stages.train(resumed, heard, resume=folder)


def fit(module: Any, train: Any, val: Any = None, test: Any = None, **arguments: Any) -> Run:
    """Trains the user's own module on their own data; see `lamplighter.own_training.fit`."""
    from lamplighter.own_training import fit as fit_own

    arguments.setdefault("listener", _screen())
    return fit_own(module, train, val, test, **arguments)


def check(model: Any, data: Any = None, **arguments: Any) -> Any:
    """Silent mistakes of a set-up, found before training; see `lamplighter.checks.check.check`."""
    from lamplighter.checks.check import check as check_objects

    return check_objects(model, data, **arguments)


def watch(
    model: Any = None,
    optimizer: Any = None,
    *,
    allow: Mapping[str, str] | Iterable[str] | str | None = None,
    frozen: Iterable[str] = (),
    evaluated_model: Any = None,
    listener: Listener | None = None,
) -> Any:
    """Observes the user's own loop: `with lamp.watch(net, optimizer) as watch: …`.

    Args:
        model: the network; None: whatever is called.
        optimizer: one or several; None: whatever steps.
        allow: finding codes that are wanted ("R103"), or code → reason.
        frozen: beginnings of the names of parameters that are to stay as they are.
        evaluated_model: the network, or several, whose answers are scored, such as an average of
            the weights; None: any.
        listener: hears each finding when the block ends; by default the screen.
    """
    from lamplighter.watch import watch as watch_loop

    heard = listener or _screen()
    return watch_loop(
        model,
        optimizer,
        allow=allow,
        frozen=frozen,
        evaluated_model=evaluated_model,
        listener=heard,
    )


def look(data: str | Path, *, listener: Listener | None = None, **arguments: Any) -> Any:
    """A verdict on the data before anything is trained; see `lamplighter.look.verdict.look`."""
    from lamplighter.look.loose import open_for_look
    from lamplighter.look.verdict import look as look_at

    root = arguments.pop("data_root", None)
    source = open_for_look(str(data), data_root=root)
    return look_at(source, listener=listener or _screen(), **arguments)


def evaluate(model: str | Path | Run, data: str | Path | None = None, **arguments: Any) -> Any:
    """The truth about a model on a split of its own data, or on new data.

    Args:
        model: a run, a run's name or folder, or a model file.
        data: new data; None takes what the run was trained on.
        arguments: see `lamplighter.stages.evaluate`.

    Returns:
        Measures: accuracy, interval, per-class figures, confusion, calibration.
    """
    from lamplighter import stages

    if isinstance(model, Run):
        arguments.setdefault("own", model.own)
        model = model.path
    arguments.setdefault("listener", _screen())
    found = stages.evaluate(str(model), None if data is None else str(data), **arguments)
    return found.measures


def compare(
    a: str | Path | Run, b: str | Path | Run, data: str | Path | None = None, **arguments: Any
) -> Any:
    """Is run B better than run A on the same pictures, and by how much surely.

    Args:
        a, b: runs, their names or folders; with `data` also model files.
        data: pictures that both answer now; None takes what the runs answered when they ended.
        arguments: see `lamplighter.stages.compare`.

    Returns:
        Comparison: both figures, the difference with its interval, the verdict in words.
    """
    from lamplighter import stages

    left, right = (str(run.path if isinstance(run, Run) else run) for run in (a, b))
    return stages.compare(left, right, None if data is None else str(data), **arguments)[0]


def explain(what: str) -> str:
    """A finding's code, or an error text, in plain words.

    Raises:
        UnknownName: there is no such code.
    """
    from lamplighter.explain import explain_traceback
    from lamplighter.explain.codes import explain_code

    if "\n" in what or ":" in what:
        known = explain_traceback(what)
        return "not known" if known is None else f"{known.meaning}\n" + "\n".join(known.fixes)
    return explain_code(what).text


def _screen() -> Listener:
    from lamplighter.cli.screen import Screen

    return Screen()
