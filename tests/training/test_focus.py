"""A training that shows what is learnt worst, stopped and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_session import StopAt, rows, run, same

from lamplighter.data.focus import Focus
from lamplighter.training.loop import Stopped


@pytest.mark.parametrize("at", [14, 16, 19, 22, 25])
def test_stopped_while_it_shows_the_worst(
    at: int, parts: Any, batches: Any, tmp_path: Path
) -> None:
    """What an epoch shows was chosen at its beginning: gone on with, it shows the same."""

    def focused() -> Any:
        focus = Focus(22, 0.5)
        train = batches(22, 4, augment="light")
        train.focus = focus
        return parts(train=train, epochs=4)

    whole = run(tmp_path / "whole", focused())
    assert whole.parts.focus.epoch == 4
    assert whole.parts.focus.losses_N.isfinite().all()
    plain = run(tmp_path / "plain", parts(epochs=4))
    assert not same(plain.parts.module, whole.parts.module)
    with pytest.raises(Stopped):
        run(tmp_path / "cut", focused(), stop=StopAt(at))
    torch.manual_seed(99)
    rest = run(tmp_path / "cut", focused(), resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert same(rest.parts.module, whole.parts.module)
