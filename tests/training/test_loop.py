"""One step and one validation by themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.data.batches import Batch
from lamplighter.tasks.tally import ClassificationTally
from lamplighter.training.loop import train_step
from lamplighter.training.precision import Precision
from lamplighter.training.validate import validate


@pytest.mark.parametrize("micro", [1, 3, 4, 99])
def test_micro_batches_are_the_whole(micro: int, parts: Any, net: Any) -> None:
    """Cut into parts of any size, a step is that of the whole batch."""
    found = []
    for size in (0, micro):
        made = parts(
            module=net(dropout=0, norm=False), batch=11, optimizer=torch.optim.SGD, micro=size
        )
        tally = ClassificationTally()
        loss, norm = train_step(made, list(made.train.epoch(1)), tally)
        found.append((loss, norm, tally.result(), list(made.module.parameters())))
    (loss, norm, figures, weights), (loss2, norm2, figures2, weights2) = found
    assert torch.allclose(loss, loss2, atol=1e-6)
    assert torch.allclose(norm, norm2, atol=1e-6)
    assert figures2["accuracy"] == figures["accuracy"]
    assert figures2["loss"] == pytest.approx(figures["loss"], abs=1e-6)
    for a, b in zip(weights, weights2, strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_no_update_from_nan(parts: Any, net: Any) -> None:
    """A step whose loss is not a number leaves the weights and the optimizer as they were."""

    class Nowhere(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.inner(images) * float("nan")

    made = parts(module=Nowhere())
    before = [p.clone() for p in made.module.parameters()]
    _, norm = train_step(made, list(made.train.epoch(1))[:1], ClassificationTally())
    assert not torch.isfinite(norm)
    assert all(torch.equal(a, b) for a, b in zip(before, made.module.parameters(), strict=True))
    assert not made.optimizer.state


def test_validation_leaves_the_mode(net: Any, batches: Any) -> None:
    """Validation works in evaluation mode, changes nothing, and puts the mode back."""
    module = net()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    figures = [
        validate(
            module, batches(10, size, augment=None), nn.CrossEntropyLoss(), ClassificationTally()
        )
        for size in (10, 3)
    ]
    assert module.training
    assert figures[0] == pytest.approx(figures[1], abs=1e-6)
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_batch_of_structures(parts: Any) -> None:
    """Cutting a batch of several inputs keeps what belongs together, together."""
    from lamplighter.data.batches import chunks

    batch = Batch((torch.arange(5), [torch.arange(5)]), {"y": torch.arange(5)}, 5)
    found = list(chunks([batch], 2))
    assert [part.size for part in found] == [2, 2, 1]
    assert found[1].inputs[0].tolist() == found[1].inputs[1][0].tolist() == [2, 3]
    assert found[2].targets["y"].tolist() == [4]


def test_gradients_are_cleared_as_the_optimizer_says(parts: Any) -> None:
    """After a step no gradient is left, and an optimizer with a way of its own is asked to clear."""
    asked = []

    class Own(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None:
            asked.append(set_to_none)
            super().zero_grad(set_to_none)

    for kind in (torch.optim.SGD, Own):
        made = parts(optimizer=kind)
        train_step(made, list(made.train.epoch(1))[:1], ClassificationTally())
        assert all(parameter.grad is None for parameter in made.module.parameters())
    assert asked == [True]


def test_a_norm_that_clips_is_summed_in_the_order_of_the_network(parts, net) -> None:
    """Groups by weight decay reorder the parameters; what the loop hands over does not."""
    seen: list[list[int]] = []

    class Noting(Precision):
        def step(self, optimizer, clip, moved=()):
            seen.append([id(p) for p in moved])
            return super().step(optimizer, clip, moved)

    module, outside = net(), nn.Parameter(torch.zeros(3))
    flat = [p for p in module.parameters() if p.dim() == 1]
    groups = [
        {"params": [outside, *flat]},
        {"params": [p for p in module.parameters() if p.dim() > 1]},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    for clip, expected in ((0.5, [*module.parameters(), outside]), (0.0, [])):
        made = parts(module=module, clip=clip, epochs=1)
        made.optimizer, made.precision = optimizer, Noting(made.device)
        train_step(made, [next(iter(made.train.epoch(1)))], made.tally(), 1)
        assert seen.pop() == [id(p) for p in expected]
