"""Family E: which state of the network is kept as the best."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

# words in the names of figures, and which way is better
FALLING = frozenset(
    ["loss", "err", "error", "mse", "mae", "rmse", "nll", "ppl", "perplexity", "cer", "wer"]
)
RISING = frozenset(
    [
        "acc",
        "accuracy",
        "f1",
        "auc",
        "auroc",
        "iou",
        "miou",
        "dice",
        "bleu",
        "psnr",
        "ssim",
        "recall",
        "precision",
        "correct",
    ]
)


def better_way(name: str) -> int:
    """-1 where the name is of a figure that should fall, 1 where it should rise, 0 if unknown."""
    words = _words(name)
    falls = any(word in FALLING or word.endswith("loss") for word in words)
    rises = any(word in RISING for word in words)
    return rises - falls


def is_called_best(name: str) -> bool:
    """Whether a variable's name says that it holds the best so far, and no fixed bound."""
    words = _words(name)
    return any(word in ("best", "lowest", "highest", "record") for word in words)


def best_is_forgotten(name: str, best: float, times: int) -> Iterator[Finding]:
    """E108: states are kept for beating a best that no kept figure ever replaces.

    Args:
        name: what holds the best so far.
        best: its value.
        times: how often in a row a state was kept with this value, for another figure each time.
    """
    if times >= 3:
        yield found(
            "E108",
            name,
            f"{times} times in a row the state of the network was kept for beating {name}, and "
            f"that is {best:.4g} as before: the newest state replaces a better one",
            f"set {name} to the figure that beat it, where the state is kept",
        )


def previous_for_best(name: str, figure: float, previous: float, best: float) -> Iterator[Finding]:
    """E108: a state is kept for beating the figure before it, and replaces a better one.

    Args:
        name: the figure that decides.
        figure: for which the state is kept now.
        previous: what it was compared with.
        best: for which the replaced state was kept.
    """
    yield found(
        "E108",
        name or "figure",
        f"the state of the network is kept for {figure:.4g}, which beats the figure before it "
        f"({previous:.4g}) and not the best ({best:.4g}): a better state is replaced",
        "compare with the best so far, and set that only where the state is kept",
    )


def worst_is_kept(name: str, *, better: int, kept: int, measured: bool) -> Iterator[Finding]:
    """E107: the state is kept when its loss rises, or its accuracy falls.

    Args:
        name: the figure that decides.
        better: -1 where lower is better, 1 where higher is.
        kept: 1 where the state is kept when the figure is above the best, -1 when below.
        measured: whether the figure was seen to be a loss, not only called so.
    """
    if better * kept >= 0:
        return
    what, way = ("loss", "larger") if better < 0 else ("score", "smaller")
    yield found(
        "E107",
        name or what,
        f"the state of the network is kept when this {what} is {way} than the best so far: what is "
        "kept in the end is the worst",
        "turn the comparison round"
        + (", and begin with best = float('inf')" if better < 0 else ", and begin with best = 0"),
        level="error" if measured else "warning",
    )


def kept_by_training(name: str) -> Iterator[Finding]:
    """E107: the state is chosen by a figure of the batches that it learns from.

    Args:
        name: the figure that decides.
    """
    yield found(
        "E107",
        name or "score",
        "the state of the network is kept for a figure of the very batches that it is trained on, "
        "while other data are evaluated in each epoch: what is kept as the best is what has learned "
        "these by heart",
        "compare the figure of the validation with the best so far",
        level="warning",
    )


def _words(name: str) -> list[str]:
    return name.lower().replace(".", "_").replace("-", "_").split("_")
