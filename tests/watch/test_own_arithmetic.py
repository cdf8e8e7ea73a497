"""The program's own arithmetic: losses, attention and figures that it computes by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import watch
from lamplighter.watch.events import Watcher

N = 16
Loss = Callable[[nn.Module, Tensor, Tensor], Any]


def _codes(loss: Loss, *, outputs: int = 1, steps: int = 8) -> list[tuple[str, str]]:
    """Codes and levels of a short training of a small network with this loss."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, outputs))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(steps):
            x = torch.randn(N, 4)
            optimizer.zero_grad()
            loss(model, x, (x[:, 0] > 0).long()).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings]


def square(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """(n) − (n, 1), detached, times (n)."""
    value = model(x)
    advantage = y.float() - value.detach()
    return -(advantage * torch.tanh(value.squeeze(1))).mean()


def pairs(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """All pairs on purpose."""
    score = model(x)
    apart = score - score.view(1, -1)
    wanted = (y[:, None] > y[None, :]).float()
    return (F.softplus(-apart) * wanted).mean()


def bins(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A soft histogram with as many bins as samples."""
    centres = torch.linspace(-1, 1, N).unsqueeze(1)
    return (model(x).squeeze(1) - centres).pow(2).mean() + 0 * y.sum()


def focal_of_mean(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The weight of the batch's mean."""
    ce = F.cross_entropy(model(x), y)
    return (1 - torch.exp(-ce)) ** 2 * ce


def focal(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A weight for each sample."""
    ce = F.cross_entropy(model(x), y, reduction="none")
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


def sum_for_each(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The sum over the batch, added to each sample's number."""
    out = model(x)
    size = -0.5 * torch.sum(1 - out.pow(2))
    return (F.cross_entropy(out, y, reduction="none") + size).mean()


def mean_for_each(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The same, divided by the number of samples."""
    out = model(x)
    size = -0.5 * torch.sum(1 - out.pow(2)) / len(x)
    return (F.cross_entropy(out, y, reduction="none") + size).mean()


def constant_term(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The soft loss compares the teacher with itself."""
    with torch.no_grad():
        teacher = model(x)
    soft = F.kl_div(F.log_softmax(teacher, 1), F.softmax(teacher, 1), reduction="batchmean")
    return F.cross_entropy(model(x), y) + 0.5 * soft


def distilled(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The soft loss compares the student with the teacher."""
    with torch.no_grad():
        teacher = model(x + 1)
    out = model(x)
    soft = F.kl_div(F.log_softmax(out, 1), F.softmax(teacher, 1), reduction="batchmean")
    return F.cross_entropy(out, y) + 0.5 * soft


def term_is_a_number(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The second term was a tensor, and is a number where it is added."""
    ce = F.cross_entropy(model(x), y)
    size = model(x + 1).square().mean().item()
    return ce + min(1.0, 0.3) * size


def term_in_place(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The same within the statement that adds it."""
    loss = F.cross_entropy(model(x), y)
    return loss + 0.1 * sum(p.abs().sum().item() for p in model.parameters())


def term_as_float(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The same by `float()`, collected on the way."""
    loss, total = F.cross_entropy(model(x), y), 0.0
    for p in model.parameters():
        total += float(p.norm().detach())
    loss += 0.01 * total
    return loss


def term_made_anew(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A new tensor of the number is not the old one."""
    size = model(x + 1).square().mean()
    return F.cross_entropy(model(x), y) + torch.tensor(size.item())


def term_detached(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The second term has lost its graph."""
    size = model(x + 1).square().mean()
    return F.cross_entropy(model(x), y) + 0.1 * size.detach()


def term_of_data(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A penalty on the numbers in the weights."""
    size = sum(p.data.abs().sum() for p in model.parameters())
    return F.cross_entropy(model(x), y) + 1e-3 * size


def weighed_by_detached(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """One term weighs the other, and a term without slope follows it."""
    size = model(x + 1).square().mean()
    ce = F.cross_entropy(model(x), y)
    return ce * size.detach() + (size - size.detach())


def term_is_a_tensor(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The numbers are only shown, or weigh the terms."""
    ce = F.cross_entropy(model(x), y)
    size = model(x + 1).square().mean()
    shown = ce.item() + size.item()
    weight = ce.item() / max(size.item(), 1e-6)
    return ce + weight * size + 0.5 + 0 * float(shown > 0)


def flooded(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A number that follows the loss, beside a term of the same loss."""
    ce = F.cross_entropy(model(x), y)
    level = 0.5 * ce.item()
    return (ce - level).abs() + level


def never_positive(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """A hinge that is always on its flat side."""
    return F.relu(torch.tanh(model(x)).mean() - 5) + 0 * y.sum()


def swapped_weights(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """One label in eight is 1, and class 0 weighs eight times as much."""
    rare = (torch.arange(len(y)) % 8 == 0).long()
    return F.cross_entropy(model(x), rare, weight=torch.ones(2) * WEIGHTS)


WEIGHTS = torch.tensor([7.0, 1.0])


@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        (square, 1, [("L107", "error")]),
        (pairs, 1, []),
        (bins, 1, []),
        (focal_of_mean, 2, [("L114", "error")]),
        (focal, 2, []),
        (sum_for_each, 2, [("L109", "warning")]),
        (mean_for_each, 2, []),
        (constant_term, 2, [("L108", "error")]),
        (distilled, 2, []),
        (term_is_a_number, 2, [("L108", "error")]),
        (term_in_place, 2, [("L108", "error")]),
        (term_as_float, 2, [("L108", "error")]),
        (term_made_anew, 2, [("L108", "error")]),
        (term_detached, 2, [("L108", "error")]),
        (term_of_data, 2, [("L108", "error")]),
        (weighed_by_detached, 2, []),
        (term_is_a_tensor, 2, []),
        (flooded, 2, []),
        (never_positive, 1, [("M108", "warning")]),
    ],
)
def test_own_losses_are_read_as_they_run(
    loss: Loss, outputs: int, expected: list[tuple[str, str]]
) -> None:
    """Each mistake in a loss written by hand is told, and its healthy neighbour is not."""
    assert _codes(loss, outputs=outputs) == expected


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([7.0, 1.0], ["L115 error"]), ([3.0, 1.0], ["L115 warning"]), ([1.0, 7.0], [])],
)
def test_class_weights_are_held_against_the_classes(
    weights: list[float], expected: list[str]
) -> None:
    """Weights of the other class's frequency are an error, weights that rise with it a warning."""
    given = torch.tensor(weights)
    labels = (torch.arange(N) % 8 == 0).long()

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        return F.cross_entropy(model(x), labels, weight=given)

    found = _codes(loss, outputs=2, steps=30)
    assert [f"{code} {level}" for code, level in found if code == "L115"] == expected


def _attend(dim: int, queries: int = 3, *, einsum: bool = False) -> list[tuple[str, str]]:
    key, query = nn.Linear(4, 8), nn.Linear(4, 8)

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        memory = x[:, None] + torch.arange(5.0)[None, :, None]
        asked = memory[:, :queries]
        scores = query(asked) @ key(memory).transpose(1, 2) / 8**0.5
        weights = F.dropout(torch.softmax(scores, dim), 0.1)
        mixed = torch.einsum("bqk,bkd->bqd", weights, memory) if einsum else weights @ memory
        return F.cross_entropy(model(mixed.mean(1)), y)

    return [found for found in _codes(loss, outputs=2) if found[0] == "L105"]


def test_attention_over_the_queries_is_told() -> None:
    """L105: a softmax over one dimension and a weighted sum over another, also for one query."""
    assert _attend(-1) == _attend(2) == []
    assert _attend(1) == _attend(-2) == _attend(1, queries=1) == [("L105", "error")]
    assert _attend(1, einsum=True) == [("L105", "warning")]


def test_softmax_over_one_value_is_told() -> None:
    """L105: weights of a pooling that are all 1."""
    score = nn.Linear(4, 1)

    def pooled(dim: int) -> list[tuple[str, str]]:
        def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
            steps = x[:, None] + torch.arange(5.0)[None, :, None]
            weights = torch.softmax(score(steps), dim)
            return F.cross_entropy(model((weights * steps).sum(1)), y)

        return _codes(loss, outputs=2)

    assert pooled(1) == []
    assert pooled(-1) == [("L105", "error")]


@pytest.mark.parametrize(("rising", "expected"), [(True, ["E107"]), (False, [])])
def test_keeping_the_worst_state_is_told(rising: bool, expected: list[str]) -> None:
    """E107: a state that is kept when the loss is larger than the best."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.randn(100, 4)
    y = (x[:, 0] > 0).long()
    best = -1.0 if rising else 1e9
    with watch() as watching:
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(x[:50]), y[:50]).backward()
            optimizer.step()
            with torch.no_grad():
                measured = F.cross_entropy(model(x[50:]), y[50:]).item()
            if rising:
                if measured > best:
                    best, _kept = measured, copy.deepcopy(model.state_dict())
            elif measured < best:
                best, _kept = measured, copy.deepcopy(model.state_dict())
    assert [f.code for f in watching.findings] == expected
    assert watching.faults == []


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("watched", [False, True])
def test_evaluation_takes_the_same_path_while_listened_to(watched: bool) -> None:
    """A Transformer in evaluation mode gives the same bits, padding included, watched or not."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=True)
    x, mask = torch.randn(3, 5, 8), torch.arange(5).expand(3, 5) >= torch.tensor([[5], [3], [2]])
    model.eval()

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.out = model, nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Any:
            with torch.no_grad():
                x = self.inner(x, src_key_padding_mask=mask)
            return self.out(x)

    holder = Holder().train()
    holder.inner.eval()
    with torch.no_grad():
        plain = model(x, src_key_padding_mask=mask)
    expected = holder(x)
    if watched:
        with watch(), torch.no_grad():
            again = model(x, src_key_padding_mask=mask)
        with watch():
            held = holder(x)
    else:
        with torch.no_grad():
            again = model(x, src_key_padding_mask=mask)
        held = holder(x)
    assert torch.equal(plain, again)
    assert torch.equal(expected, held)


def test_a_loss_is_heard_once() -> None:
    """Listening to operations and to losses does not make one call into two."""
    heard: list[str] = []

    class Counting(Watcher):
        def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
            heard.append(name)

    watching = watch()
    watching.stream.add(Counting())
    with watching:
        F.cross_entropy(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]))
        nn.MSELoss()(torch.randn(4), torch.randn(4))
    assert heard == ["cross_entropy", "mse_loss"]


def sum_alone(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The sum over the batch is the loss."""
    return F.cross_entropy(model(x), y, reduction="sum")


def class_numbers(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """The number of a class, as if it were an amount."""
    labels = torch.arange(len(y)) % 4
    return F.mse_loss(model(x).squeeze(1), labels.float())


@pytest.mark.parametrize(
    ("loss", "outputs", "code"), [(sum_alone, 2, "L109"), (class_numbers, 1, "L112")]
)
def test_losses_without_a_loader_are_read(loss: Loss, outputs: int, code: str) -> None:
    """What a loader's batches would tell is read off the loss alone."""
    assert _codes(loss, outputs=outputs) == [(code, "warning")]


def test_softmax_over_the_samples_is_told() -> None:
    """L105: weights of a pooling over places, normalised over the batch."""

    class Pool(nn.Module):
        def __init__(self, dim: int) -> None:
            super().__init__()
            self.dim, self.score, self.out = dim, nn.Linear(4, 1), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Any:
            steps = torch.tanh(x[:, None] + torch.arange(5.0)[None, :, None])
            weights = torch.softmax(self.score(steps).squeeze(-1), self.dim)
            return self.out((weights.unsqueeze(-1) * steps).sum(1))

    def codes(dim: int) -> list[str]:
        pool = Pool(dim)

        def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
            return F.cross_entropy(model(pool(x)), y)

        return [code for code, _ in _codes(loss, outputs=2)]

    assert codes(1) == []
    assert codes(0) == ["L105"]
