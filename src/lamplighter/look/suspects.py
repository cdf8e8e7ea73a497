"""Y111: labels that cheap features contradict, from predictions on pictures left out of fitting.

A logistic regression on colours and edges is no good classifier, but where it is sure of another
class on a picture that it was not fitted on, a person should look. Nothing is claimed where the
features carry too little signal to contradict anybody.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from lamplighter.listener import SILENT, Listener
from lamplighter.look.exhibit import Exhibit, counted, exhibit
from lamplighter.look.pictures import Picture

FOLDS = 5
MOST = 20_000
FEWEST_EACH = 10
# the other class must be at least this probable, and the label this improbable
SURE = 0.90
DOUBTED = 0.05
# below this advantage over always naming the largest class nothing is claimed
LEAST_SIGNAL = 0.15
ANGLES = 8
TOLD = 100


def suspect_exhibits(pictures: Sequence[Picture], *, listener: Listener = SILENT) -> list[Exhibit]:
    """Pictures whose label is contradicted, surest first.

    Args:
        pictures: all that were looked at; those without a readable picture are left out.
        listener: hears how long it took.
    """
    seen = [p for p in pictures if p.facts.seen and p.label]
    counts = Counter(picture.label for picture in seen)
    seen = [p for p in seen if counts[p.label] >= FEWEST_EACH]
    names = sorted({picture.label for picture in seen})
    if len(names) < 2:
        return []
    if len(seen) > MOST:
        listener.say(f"wrong labels: {MOST:,} of {len(seen):,} pictures are looked at")
        seen = [seen[i] for i in np.linspace(0, len(seen) - 1, MOST).astype(int)]
    started = time.monotonic()
    features = np.stack([features_of(picture) for picture in seen])
    labels = np.array([names.index(picture.label) for picture in seen])
    with listener.bar("suspecting labels", FOLDS) as bar:
        answers = _left_out(features, labels, len(names), bar.advance)
    seconds = time.monotonic() - started
    right = float((answers.argmax(axis=1) == labels).mean())
    listener.say(f"wrong labels: {seconds:.1f} s, {right:.0%} of the pictures left out were right")
    largest = float(np.bincount(labels).max() / len(labels))
    if right < largest + LEAST_SIGNAL * (1 - largest):
        return []
    other = answers.argmax(axis=1)
    own = answers[np.arange(len(labels)), labels]
    best = answers.max(axis=1)
    hit = np.flatnonzero((other != labels) & (best >= SURE) & (own <= DOUBTED))
    if not len(hit):
        return []
    hit = hit[np.argsort(-best[hit], kind="stable")][:TOLD]
    message = (
        f"{counted(len(hit), 'label')} contradicted by a quick model (right on {right:.0%} of what it"
        f" was not fitted on); many of these will be hard pictures, not wrong labels"
    )
    notes = [f"{seen[i].label}; looks like {names[other[i]]} ({best[i]:.0%})" for i in hit]
    fix = "look at them, surest first (--html), and move what is wrong"
    return [exhibit("Y111", "info", "labels", message, fix, [(seen[i],) for i in hit], notes)]


def features_of(picture: Picture) -> np.ndarray:
    """float32 [3·64 + 6·6·8 + 24]: coarse colours, directions of edges by place, colour counts."""
    colour = picture.facts.colour_array().astype(np.float32) / 255
    coarse = colour.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3)).ravel()
    levels = (picture.facts.colour_array() >> 5).reshape(-1, 3)
    counted_levels = [np.bincount(levels[:, c], minlength=8) / len(levels) for c in range(3)]
    return np.concatenate([coarse, _edges(picture.facts.grey_array()), *counted_levels]).astype(
        np.float32
    )


def _edges(grey_HW: np.ndarray) -> np.ndarray:
    """Histograms of edge directions in 6 × 6 places, each brought to length 1.

    Source: Dalal and Triggs, "Histograms of oriented gradients for human detection", 2005.
    """
    down, across = np.gradient(grey_HW.astype(np.float32))
    strength = np.hypot(down, across)
    angle = ((np.arctan2(down, across) % np.pi) / np.pi * ANGLES).astype(int) % ANGLES
    place = (np.arange(48) // 8)[:, None] * 6 + (np.arange(48) // 8)[None, :]
    found = np.bincount((place * ANGLES + angle).ravel(), strength.ravel(), 36 * ANGLES)
    cells = found.reshape(36, ANGLES)
    return np.sqrt(cells / (cells.sum(axis=1, keepdims=True) + 50.0)).ravel()


def _left_out(
    features_ND: np.ndarray, labels_N: np.ndarray, classes: int, advance: Callable[[], None]
) -> np.ndarray:
    """float [N, classes]: for each picture the answer of a model that was fitted without it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    answers = np.zeros((len(labels_N), classes))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for fit, left in folds.split(features_ND, labels_N):
        # strong shrinkage: hundreds of features would otherwise be sure of everything; the penalty
        # is weighed against a sum over pictures, so that few pictures need less of it
        shrinkage = max(0.003, 8 / len(labels_N))
        model = make_pipeline(StandardScaler(), LogisticRegression(C=shrinkage, max_iter=200))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unfinished fit is good enough to doubt a label
            model.fit(features_ND[fit], labels_N[fit])
        answers[left] = model.predict_proba(features_ND[left])
        advance()
    return answers
