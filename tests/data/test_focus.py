"""The second half of a training shows what is learnt worst."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamplighter.data.batches import PictureBatches, chunks
from lamplighter.data.focus import Focus
from lamplighter.data.seeded import stream
from lamplighter.images.augment import policy
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess

COUNT = 11


def noted(share: float = 0.5, count: int = COUNT) -> Focus:
    """Losses that fall with the position, all of them seen."""
    focus = Focus(count, share)
    focus.losses_N = torch.arange(count, 0, -1).float()
    return focus


def batches(focus: Focus | None, **more: Any) -> PictureBatches:
    pixels = torch.randint(0, 256, (COUNT, 3, 16, 16), dtype=torch.uint8)
    return PictureBatches(
        HeldPixels(pixels, torch.ones(COUNT)),
        torch.arange(COUNT),
        Preprocess(16, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3),
        batch=4,
        device=torch.device("cpu"),
        shuffle=True,
        focus=focus,
        **more,
    )


def at(state: torch.Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state)
    return generator


def shown(source: PictureBatches, epoch: int) -> list[int]:
    return [int(position) for batch in source.epoch(epoch) for position in batch.positions]


def test_the_first_half_shows_all_as_without() -> None:
    """Until the middle of the training nothing is different, not even the order."""
    focus = noted()
    for epoch, done in ((1, 0.0), (2, 0.49)):
        focus.begin(epoch, done)
        assert shown(batches(focus), epoch) == shown(batches(None), epoch)


@pytest.mark.parametrize(("share", "worst"), [(0.5, 6), (0.25, 3), (0.8, 9), (1.0, 11)])
def test_the_second_half_shows_the_worst_as_often_as_fits(share: float, worst: int) -> None:
    """As many pictures as ever, of the worst alone, none a second time before all were shown."""
    focus = noted(share)
    focus.begin(3, 0.5)
    found = shown(batches(focus), 3)
    assert len(found) == COUNT
    assert set(found) == set(range(worst))
    times = Counter(found)
    assert max(times.values()) - min(times.values()) <= 1
    assert sorted(found[:worst]) == list(range(worst))


def test_what_was_never_seen_comes_first() -> None:
    """A picture that fell out of all epochs so far is not taken for a known one."""
    focus = noted()
    focus.losses_N[10] = torch.inf
    focus.begin(3, 0.9)
    assert 10 in shown(batches(focus), 3)


def test_losses_of_steps_are_noted() -> None:
    """Each picture's newest loss, also where a batch goes through in parts."""
    focus = Focus(COUNT, 0.5)
    source = batches(focus)
    logits = torch.randn(COUNT, COUNT, generator=torch.Generator().manual_seed(0))
    for batch in chunks(list(source.epoch(1)), 3):
        focus.note(batch.positions, logits[batch.positions], batch.targets)
    expected = F.cross_entropy(logits, torch.arange(COUNT), reduction="none")
    assert torch.allclose(focus.losses_N, expected)


def test_each_round_varies_anew_and_turns_the_picture() -> None:
    """The second time within an epoch a picture is shifted otherwise and seen from its other side."""
    focus = noted()
    focus.begin(3, 0.5)
    source = batches(focus, augment=policy("alternating", 16))
    drawn = source._drawn(3, 2)
    once = batches(None, augment=policy("alternating", 16))._drawn(3, 1)
    assert torch.equal(drawn["flip"][:COUNT], once["flip"])
    assert torch.equal(drawn["flip"][COUNT:], ~drawn["flip"][:COUNT])
    moved = [name for name in drawn if name != "flip"]
    assert any(not torch.equal(drawn[name][COUNT:], drawn[name][:COUNT]) for name in moved)
    inputs = {}
    for batch in source.epoch(3):
        for position, picture in zip(batch.positions.tolist(), batch.inputs, strict=True):
            inputs.setdefault(position, []).append(picture)
    assert all(not torch.equal(*two) for two in inputs.values() if len(two) == 2)


def test_an_epoch_that_is_gone_on_with_keeps_its_choice() -> None:
    """Losses noted since do not change what the epoch shows; the next epoch chooses anew."""
    focus = noted()
    focus.begin(3, 0.5)
    generator = stream(0, 3, 1).get_state()

    def rounds(of: Focus, epoch: int) -> list[int]:
        return torch.cat(of.rounds(epoch, at(generator))).tolist()

    before = rounds(focus, 3)
    focus.losses_N = focus.losses_N.flip(0)
    again = Focus(COUNT, 0.5)
    again.load_state_dict(focus.state_dict())
    for each in (focus, again):
        each.begin(3, 0.5)
        assert rounds(each, 3) == before
        each.begin(4, 0.6)
        assert set(rounds(each, 4)) == set(range(5, 11))
