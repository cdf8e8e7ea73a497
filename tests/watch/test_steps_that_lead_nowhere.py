"""O104, O106 to O108 and O110, L109 and L112: what no single step shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from lamplighter.watch import watch

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
STEPS = 40


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def scores(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The plain loss."""
    return F.cross_entropy(net(x), y)


def _train(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss = scores,
    *,
    after: Callable[[int], object] = lambda step: None,
    before: Callable[[int], object] = lambda step: None,
    schedule: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler] | None = None,
    steps: int = STEPS,
) -> set[tuple[str, str]]:
    """Codes and levels of families L and O that a loop over changing batches shows."""
    x = torch.randn(steps * 16, 6)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    with watch() as watching:
        scheduler = schedule(optimizer) if schedule else None
        for step in range(steps):
            before(step)
            rows = slice(16 * step, 16 * step + 16)
            optimizer.zero_grad()
            loss(net, x[rows], y[rows]).backward()
            optimizer.step()
            after(step)
            if scheduler is not None:
                scheduler.step()
    assert watching.faults == []
    return {(f.code, f.level) for f in watching.findings if f.code[0] in "LO"}


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1e-12, {("O104", "warning")}), (1e-9, {("O104", "warning")}), (1e-5, set()), (0.0, set())],
)
def test_a_group_whose_rate_is_nothing_is_told(rate: float, expected: set[tuple[str, str]]) -> None:
    """O104: beside another group that learns; a rate of 0 is a choice, and a small one is too."""
    net = _network()
    groups = [{"params": net[0].parameters(), "lr": rate}, {"params": net[2].parameters()}]
    assert _train(net, torch.optim.Adam(groups, lr=1e-2)) == expected


def test_weights_that_are_put_back_to_what_the_first_step_made_are_told() -> None:
    """O107: the best state is taken once, and loaded again after every step."""
    net = _network()
    best: dict[str, Tensor] = {}

    def restore(step: int) -> None:
        if not best:
            best.update({name: value.clone() for name, value in net.state_dict().items()})
        net.load_state_dict(best)

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    assert _train(net, optimizer, after=restore) == {("O107", "warning")}


def test_weights_that_are_put_back_after_every_step_are_told() -> None:
    """O107: by loading a state that never changes, or by writing into the weights."""
    for way in ("load", "copy"):
        net = _network()
        start = {name: value.clone() for name, value in net.state_dict().items()}

        @torch.no_grad()
        def put_back(
            step: int, net: nn.Module = net, start: dict[str, Tensor] = start, way: str = way
        ) -> None:
            if way == "load":
                net.load_state_dict(start)
            else:
                for name, value in net.state_dict().items():
                    value.copy_(start[name])

        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        assert _train(net, optimizer, after=put_back) == {("O107", "warning")}


def test_weights_that_are_drawn_towards_an_average_are_none_of_that() -> None:
    """O107 is silent where something of each step remains, or a later step is kept."""
    for kept in (0.5, 1.0):
        net = _network()
        start = [p.detach().clone() for p in net.parameters()]

        @torch.no_grad()
        def draw(
            step: int, net: nn.Module = net, start: list[Tensor] = start, kept: float = kept
        ) -> None:
            if kept < 1 or step < STEPS // 4:
                for p, s in zip(net.parameters(), start, strict=True):
                    p.lerp_(s, kept)

        assert _train(net, torch.optim.SGD(net.parameters(), lr=0.1), after=draw) == set()


@pytest.mark.parametrize(("rise", "expected"), [(20.0, True), (0.1, False)])
def test_a_warm_up_that_multiplies_is_told(*, rise: float, expected: bool) -> None:
    """O103: its first steps are small, and the eighth throws the weights away."""
    net = _network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def set_rate(step: int) -> None:
        optimizer.param_groups[0]["lr"] = 3e-3 * rise * (step + 1) ** 2

    assert ("O103" in {code for code, _ in _train(net, optimizer, before=set_rate)}) is expected


def _penalised(factor: float, norm: bool) -> Loss:
    def loss(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        if norm:
            return scores(net, x, y) + factor * sum(p.norm() for p in net.parameters())
        return scores(net, x, y) + factor * sum((p**2).sum() for p in net.parameters())

    return loss


@pytest.mark.parametrize("norm", [False, True])
def test_a_penalty_that_leaves_the_loss_nothing_to_say_is_told(*, norm: bool) -> None:
    """O106: of squares and of lengths; one of usual size is silent."""
    heavy, light = (_network() for _ in range(2))
    told = _train(heavy, torch.optim.Adam(heavy.parameters(), 1e-3), _penalised(100.0, norm))
    assert told == {("O106", "warning")}
    assert (
        _train(light, torch.optim.Adam(light.parameters(), 1e-3), _penalised(1e-4, norm)) == set()
    )


def _by_batches(step: int) -> float:
    return 0.1 * 0.1 ** (step % 10 // 2)


def _by_epochs(step: int) -> float:
    return 0.1 * 0.5 ** (step // 10)


@pytest.mark.parametrize(
    ("rule", "expected"), [(_by_batches, {("O108", "warning")}), (_by_epochs, set())]
)
def test_a_rate_that_falls_anew_in_each_epoch_is_told(
    rule: Callable[[int], float], expected: set[tuple[str, str]]
) -> None:
    """O108: the decay by epochs is given the number of the batch."""
    net = _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def set_rate(step: int) -> None:
        optimizer.param_groups[0]["lr"] = rule(step)

    assert _train(net, optimizer, before=set_rate) == expected


def _line(total: int) -> Callable[[int], float]:
    return lambda step: max(0.05, 1 - step / total)


def _warm(total: int) -> Callable[[int], float]:
    return lambda step: step / 10 if step < 10 else max(0.0, (total - step) / (total - 10))


def _swing(total: int) -> Callable[[int], float]:
    return lambda step: abs(1 - step % total / total)


@pytest.mark.parametrize("rule", [_line, _warm])
@pytest.mark.parametrize(
    ("total", "expected"), [(8 * STEPS, {("O110", "warning")}), (STEPS, set())]
)
def test_a_function_that_ends_long_after_the_program_is_told(
    rule: Callable[[int], Callable[[int], float]], total: int, expected: set[tuple[str, str]]
) -> None:
    """O110: the batches that are gathered for one step were counted as steps."""
    net = _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    function = rule(total)
    told = _train(net, optimizer, schedule=lambda o: lr_scheduler.LambdaLR(o, function))
    assert told == expected


@pytest.mark.parametrize("make", [_swing, lambda total: lambda step: 0.99**step])
def test_a_function_without_an_end_has_no_length(
    make: Callable[[int], Callable[[int], float]],
) -> None:
    """O110 is silent for what falls for ever or comes back."""
    net = _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    function = make(8 * STEPS)
    told = _train(net, optimizer, schedule=lambda o: lr_scheduler.LambdaLR(o, function))
    assert told == set()


@pytest.mark.parametrize(
    ("length", "expected"), [(10 * STEPS, {("O110", "warning")}), (STEPS, set())]
)
def test_a_cosine_that_hardly_begins_is_told(length: int, expected: set[tuple[str, str]]) -> None:
    """O110: its length is in samples, and it is stepped with each batch."""
    net = _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    told = _train(net, optimizer, schedule=lambda o: lr_scheduler.CosineAnnealingLR(o, length))
    assert told == expected


def _squares(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return ((net(x) - F.one_hot(y, 3).float()) ** 2).sum()


def _likelihoods(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return -torch.log_softmax(net(x), 1).gather(1, y[:, None]).sum()


def _divided(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return _squares(net, x, y) / len(x)


def _with_more(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return _squares(net, x, y) + net(x).square().sum() * 0.1


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (_squares, {("L109", "warning")}),
        (_likelihoods, {("L109", "warning")}),
        (_divided, set()),
        (_with_more, set()),
    ],
)
def test_an_own_sum_over_the_batch_is_told(loss: Loss, expected: set[tuple[str, str]]) -> None:
    """L109: as with reduction="sum"; a sum with a further term may be a bound."""
    net = _network()
    assert _train(net, torch.optim.SGD(net.parameters(), lr=1e-3), loss) == expected


def test_a_sum_over_all_the_data_is_no_batch() -> None:
    """L109 is silent where every step has the same rows."""
    net, x = _network(), torch.randn(64, 6)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(8):
            optimizer.zero_grad()
            _squares(net, x, (x[:, 0] > 0).long()).backward()
            optimizer.step()
    assert "L109" not in {f.code for f in watching.findings}


@pytest.mark.parametrize(("rounds", "expected"), [(True, {("L112", "warning")}), (False, set())])
def test_amounts_that_are_rounded_and_then_right_or_wrong_are_classes(
    *, rounds: bool, expected: set[tuple[str, str]]
) -> None:
    """L112: decimal numbers 0 to 2 alone may be amounts."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))

    def loss(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return F.smooth_l1_loss(net(x), y.float()[:, None] / 1.0)

    def score(step: int) -> None:
        with torch.no_grad():
            answer = net(torch.randn(8, 6))
            answer = answer.round() if rounds else answer
            assert (answer == torch.zeros(8, 1)).float().mean() >= 0

    assert _train(net, torch.optim.Adam(net.parameters(), 1e-2), loss, after=score) == expected
