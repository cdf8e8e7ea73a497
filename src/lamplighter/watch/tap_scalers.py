"""Scalers of scikit-learn: what they were fitted on, where the program uses them."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from lamplighter.watch.imports import when_imported
from lamplighter.watch.taps import Taps, Wrapper

SCALERS = ("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "PowerTransformer")


def tap_scalers(taps: Taps) -> None:
    """`fit` and `transform` of the usual scalers, also where they are imported later."""
    stream = taps.stream

    def fitted(original: Wrapper) -> Wrapper:
        def fit(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, X, *args, **kwargs)
            if stream.on:
                stream.tell("scaler_fitted", self, X)
            return result

        return fit

    def transformed(original: Wrapper) -> Wrapper:
        def transform(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, X, *args, **kwargs)
            if stream.on:
                stream.tell("scaled_rows", self, X, result)
            return result

        return transform

    def change(module: ModuleType) -> None:
        for name in SCALERS:
            kind = getattr(module, name, None)
            if inspect.isclass(kind):
                taps.replace(kind, "fit", fitted)
                taps.replace(kind, "transform", transformed)

    taps.undo.append(when_imported({"sklearn.preprocessing._data": change}))
