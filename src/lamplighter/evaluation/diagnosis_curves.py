"""What the learning curves say."""

from __future__ import annotations

from lamplighter.evaluation.case import Case, Sentence
from lamplighter.evaluation.words import percent

RISE = 0.05
WAITING = 0.3


def diverged(case: Case) -> Sentence | None:
    """The loss stopped being a number."""
    for epoch, row in zip(case.epochs(), case.rows, strict=True):
        value = row.get("train_loss")
        if "train_loss" in row and (value is None or value != value or value in (1e400, -1e400)):
            return Sentence(
                "diverged",
                "error",
                f"The training loss was no number in epoch {epoch}: the training diverged.",
                "lower --lr by a factor of ten",
                {"epoch": epoch},
            )
    return None


def overfits(case: Case) -> Sentence | None:
    """The validation loss turned while the training loss kept falling."""
    rows = [
        (epoch, val, train)
        for epoch, val, train in zip(
            case.epochs(), case.column("val_loss"), case.column("train_loss"), strict=True
        )
        if val is not None and train is not None
    ]
    if len(rows) < 4:
        return None
    best = min(range(len(rows)), key=lambda i: rows[i][1])
    epoch, lowest, then = rows[best]
    _, end, now = rows[-1]
    after = [val for _, val, _ in rows[best + 1 :]]
    if len(after) < 2 or end < lowest * (1 + RISE) or now > then * (1 - RISE):
        return None
    # one bad epoch at the end is noise: most epochs after the turn must lie above it
    if sum(val > lowest * (1 + RISE / 2) for val in after) < 0.7 * len(after):
        return None
    return Sentence(
        "overfits",
        "warning",
        f"It overfits from epoch {epoch}: after it the validation loss rose from "
        f"{lowest:.3f} to {end:.3f} while the training loss fell from {then:.3f} to {now:.3f}.",
        f"stop at epoch {epoch} (--patience 3), or add pictures or --augment strong",
        {"epoch": epoch, "val_loss": [lowest, end], "train_loss": [then, now]},
    )


def still_improving(case: Case) -> Sentence | None:
    """The last epochs were the best and the slope is not flat."""
    val = [v for v in case.column("val_loss") if v is not None]
    if len(val) < 3 or min(val) != val[-1]:
        return None
    before = min(val[:-2]) if len(val) > 3 else val[0]
    fall = (before - val[-1]) / abs(before) if before else 0.0
    if fall < RISE:
        return None
    epochs = case.epochs()[-1]
    span = 2 if len(val) > 3 else len(val) - 1
    return Sentence(
        "still improving",
        "warning",
        f"It was still improving when it ended: over the last {span} of {epochs} epochs the "
        f"validation loss fell by {percent(fall, 0)}, from {before:.3f} to {val[-1]:.3f}.",
        f"train longer: --epochs {2 * epochs}",
        {"epochs": epochs, "val_loss": [before, val[-1]]},
    )


def memorised(case: Case) -> Sentence | None:
    """Training is nearly perfect and validation far from it."""
    train, val = case.column("train_accuracy"), case.column("val_accuracy")
    if not train or train[-1] is None or val[-1] is None:
        return None
    if train[-1] < 0.97 or train[-1] - val[-1] < 0.1:
        return None
    pictures = sum(case.train_counts.values())
    of = f" its {pictures} training pictures" if pictures else " its training pictures"
    return Sentence(
        "starved of data",
        "warning",
        f"It knows{of} nearly by heart ({percent(train[-1])} right) "
        f"and gets {percent(val[-1])} of the others.",
        "more pictures, --augment strong, or pretrained weights if it has none",
        {"train_accuracy": train[-1], "val_accuracy": val[-1], "pictures": pictures},
    )


def learned_little(case: Case) -> Sentence | None:
    """Not even the training pictures were learned."""
    train = [value for value in case.column("train_accuracy") if value is not None]
    if len(train) < 2:
        return None
    # the best of all epochs: later ones may show what is learnt worst alone (--focus)
    baseline, best = case.measures.baseline, max(train)
    if best > baseline + 0.1 * (1 - baseline):
        return None
    return Sentence(
        "learned little",
        "error",
        f"It hardly learned its own training pictures: {percent(best)} right at best in "
        f"{case.epochs()[-1]} epochs, {percent(baseline)} without looking at them.",
        "lamp check on this data and model looks for the cause; try another --lr first",
        {"train_accuracy": best, "baseline": baseline},
    )


def waits_for_data(case: Case) -> Sentence | None:
    """The network sat idle while pictures were read."""
    # the first epoch fills the cache of decoded pictures and is no measure of the others
    waits = [w for w in case.column("data_wait") if w is not None][1:]
    if not waits:
        return None
    share = sum(waits) / len(waits)
    if share < WAITING:
        return None
    return Sentence(
        "waits for data",
        "info",
        f"{percent(share, 0)} of the time after the first epoch went into waiting for pictures, "
        "not into training.",
        "lamp bench DATA shows where; more --workers or a smaller --size",
        {"data_wait": share},
    )
