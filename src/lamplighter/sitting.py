"""One sitting at a run: signals noted, training resumed or begun, its end written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lamplighter import run_folder
from lamplighter.data.deaths import WorkersLost
from lamplighter.errors import LamplighterError, NotProved
from lamplighter.listener import Listener
from lamplighter.machine import seed_everything
from lamplighter.recipe import Recipe
from lamplighter.run_folder import RunFolder
from lamplighter.training.compiling import compile_steps
from lamplighter.training.journal import RunJournal
from lamplighter.training.loop import Stopped
from lamplighter.training.parts import Parts
from lamplighter.training.precision import tf32_policy
from lamplighter.training.repeatable import repeatable
from lamplighter.training.session import Session, truncate_metrics
from lamplighter.training.show import show_beginning
from lamplighter.training.stopping import stop_flag


def sit(
    folder: RunFolder,
    parts: Parts,
    recipe: Recipe,
    listener: Listener,
    *,
    resuming: bool,
    names: Sequence[str] = (),
) -> Session:
    """Trains to the end and leaves the module at its best epoch.

    Returns:
        The session, with its progress.

    Raises:
        Interrupted: a signal asked to stop; a checkpoint was written.
        RunFailed: see `Session.run`.
    """
    batch = recipe.batch if isinstance(recipe.batch, int) else 1
    with stop_flag() as stop:
        session = Session(
            folder, parts, listener=listener, stop=stop, names=names, largest_batch=batch
        )
        # what was drawn while building and checking must not move the training's own numbers
        seed_everything(recipe.seed)
        went_on = resuming and session.restore()
        if resuming:
            # also without a checkpoint: what the first sitting wrote down will be written again
            truncate_metrics(folder, session.progress.epoch)
            session.progress.ended = ""
            folder.remove_leftovers()
            listener.say(
                f"going on with {folder} after epoch {session.progress.epoch}, step {session.progress.step}"
            )
        journal = RunJournal(
            folder,
            tensorboard=recipe.tensorboard,
            purge_step=session.progress.step + 1 if resuming else None,
            listener=listener,
        )
        try:
            if not went_on:
                show_beginning(journal, parts)
            if recipe.compile == "on":
                compile_steps(parts, listener, session.compiled_for)
            if told := tf32_policy(parts.device):
                listener.say(told)
            with repeatable(recipe.deterministic, parts.device, listener):
                session.run(journal)
        except Stopped:
            journal.close()
            _ended(folder, session, "interrupted", stop.cause)
            raise stop.error(
                f"stopped by {stop.cause} in epoch {session.progress.epoch + 1}; everything up to "
                f"step {session.progress.step} is kept",
                fix=how_to_resume(folder, recipe),
            ) from None
        except KeyboardInterrupt:
            _ended(folder, session, "interrupted", "SIGINT")
            raise
        except LamplighterError as error:
            if stop() and isinstance(error, WorkersLost):
                # the signal went to the workers as well, and one died of it
                _ended(folder, session, "interrupted", stop.cause)
                raise stop.error(
                    f"stopped by {stop.cause}, which ended a worker too; the run goes on from its last "
                    "checkpoint",
                    fix=how_to_resume(folder, recipe),
                ) from None
            _ended(folder, session, "failed", error.message)
            raise
        except Exception as error:
            _ended(folder, session, "failed", f"{type(error).__name__}: {error}")
            raise
        session.journal = journal
        return session


@contextmanager
def finishing(folder: RunFolder, session: Session, recipe: Recipe) -> Iterator[None]:
    """After the last epoch: what ends the work now is written down, and the training is not lost."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        reason = "stopped" if stopped else f"{type(error).__name__}: {error}"
        _ended(folder, session, "interrupted" if stopped else "failed", reason)
        if isinstance(error, NotProved):  # which is looked for when all else is written
            session.listener.warn(
                f"the training is over and its report is made, but {run_folder.ARTIFACT} is not to be "
                "trusted: it does not hold all of what was trained"
            )
        else:
            session.listener.warn(
                "the training is over and kept, the report is not; it is made by: "
                + how_to_resume(folder, recipe)
            )
        raise


def how_to_resume(folder: RunFolder, recipe: Recipe) -> str:
    """What to type to go on with a run: its own objects are only known to the program that made them."""
    if recipe.data:
        return f"lamp train --resume {folder}"
    return f'the same lamp.fit(…) again, with resume="{folder}"'


def _ended(folder: RunFolder, session: Session, state: str, reason: str) -> None:
    progress = session.progress
    try:
        folder.write_status(
            state,
            epoch=progress.epoch,
            epochs=session.parts.epochs,
            best=best_of(session),
            reason=reason,
        )
    except LamplighterError:
        # a disk so full that not even this fits: the error under way says so already
        session.listener.warn(f"{folder / run_folder.STATUS} could not be brought up to date")


def best_of(session: Session) -> dict[str, object]:
    """`best` as `lamp train --json` has it."""
    return session.progress.best(session.parts.task.metric)
