"""Transformers of scikit-learn that learn from rows: what they were fitted on, and what they made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from lamplighter.watch.imports import Change, when_imported
from lamplighter.watch.taps.wrapping import Taps, Wrapper

# module → classes whose `transform` gives one row for each row
LEARNING = {
    "sklearn.preprocessing._data": (
        *("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "PowerTransformer"),
        "QuantileTransformer",
    ),
    "sklearn.decomposition._pca": ("PCA",),
    "sklearn.decomposition._truncated_svd": ("TruncatedSVD",),
    "sklearn.feature_selection._univariate_selection": ("SelectKBest", "SelectPercentile"),
    "sklearn.impute._base": ("SimpleImputer",),
    "sklearn.feature_extraction.text": ("CountVectorizer", "TfidfVectorizer"),
}
ENCODERS = {
    "sklearn.preprocessing._label": ("LabelEncoder",),
    "sklearn.preprocessing._encoders": ("OrdinalEncoder",),
}
SPLITTERS = {
    "sklearn.model_selection._split": (
        *("KFold", "StratifiedKFold", "GroupKFold", "StratifiedGroupKFold", "ShuffleSplit"),
        *("StratifiedShuffleSplit", "RepeatedKFold", "RepeatedStratifiedKFold", "LeaveOneGroupOut"),
    )
}


def tap_scalers(taps: Taps) -> None:
    """What these classes are given and give, also where they are imported later."""
    stream = taps.stream

    def told(*events: str) -> Callable[[Wrapper], Wrapper]:
        def make(original: Wrapper) -> Wrapper:
            def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(self, *args, **kwargs)
                if not stream.on:
                    return result
                X = args[0] if args else next(iter(kwargs.values()), None)
                for event in events:
                    if event == "scaler_fitted":
                        stream.tell(event, self, X)
                    elif event == "scaled_rows":
                        stream.tell(event, self, X, result)
                    else:
                        stream.tell(event, X, result)
                return result

            return wrapped

        return make

    def folds(original: Wrapper) -> Wrapper:
        def split(self: Any, *args: Any, **kwargs: Any) -> Any:
            # a splitter is made of others: the outermost is the program's own
            if not stream.on or stream.splitting:
                yield from original(self, *args, **kwargs)
                return
            given = iter(original(self, *args, **kwargs))
            number = 0
            while True:
                stream.splitting = True
                try:
                    fold = next(given, None)
                finally:
                    stream.splitting = False
                if fold is None:
                    return
                stream.tell("fold_given", self, number, *fold)
                number += 1
                yield fold

        return split

    def change(classes: tuple[str, ...], makers: dict[str, Any], module: ModuleType) -> None:
        for name in classes:
            kind = getattr(module, name, None)
            for method, make in makers.items() if inspect.isclass(kind) else ():
                if hasattr(kind, method):
                    taps.replace(kind, method, make)

    def change_learning(classes: tuple[str, ...], module: ModuleType) -> None:
        change(classes, {"fit": told("scaler_fitted"), "transform": told("scaled_rows")}, module)
        for kind in (getattr(module, name, None) for name in classes):
            if inspect.isclass(kind) and "fit_transform" in vars(kind):
                taps.replace(kind, "fit_transform", told("scaler_fitted", "scaled_rows"))

    encoding = dict.fromkeys(("transform", "fit_transform"), told("names_encoded"))
    awaited: dict[str, Change] = {
        n: partial(change_learning, classes) for n, classes in LEARNING.items()
    }
    awaited |= {name: partial(change, kinds, encoding) for name, kinds in ENCODERS.items()}
    awaited |= {name: partial(change, kinds, {"split": folds}) for name, kinds in SPLITTERS.items()}
    taps.undo.append(when_imported(awaited))
