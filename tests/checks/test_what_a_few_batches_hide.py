"""Mistakes that the first batches do not show, or show on few values; each beside its mended twin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

import lamplighter as lamp
from lamplighter.checks import evaluation, initialise, scaled, splits
from lamplighter.checks.check import check
from lamplighter.checks.report import Report
from lamplighter.listener import SILENT

Loss = Callable[[Tensor, Tensor], Tensor]


def net(outputs: int, *end: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, outputs), *end)


def look(
    model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss | None = None, val: object = None
) -> Report:
    data = DataLoader(TensorDataset(inputs, targets), batch_size=16, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return check(model, data, val=val, loss=loss or nn.CrossEntropyLoss(), optimizer=optimizer)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report if finding.level != "info"]


@pytest.fixture
def table() -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    labels = torch.randint(0, 3, (600,))
    return torch.randn(600, 12) + F.one_hot(labels, 12) * 3.0, labels


def test_a_late_hole_in_memory_is_found(table: tuple[Tensor, Tensor]) -> None:
    """One NaN in row 590 of 600 is told with its row, though no batch that was read has it."""
    inputs, labels = table
    assert codes(look(net(3), inputs, labels)) == []
    inputs[590, 4] = float("nan")
    found = [f for f in look(net(3), inputs, labels) if f.code == "D102"]
    assert [f.level for f in found] == ["error"]
    assert "the first is row 590, column 4" in found[0].message


def test_a_hole_in_a_subset_counts_only_where_it_is_chosen(table: tuple[Tensor, Tensor]) -> None:
    """A NaN outside the chosen rows is nobody's fault."""
    inputs, labels = table
    inputs[590, 4] = float("nan")
    whole = TensorDataset(inputs, labels)

    def found_in(rows: range) -> bool:
        loader = DataLoader(Subset(whole, rows), batch_size=16, shuffle=True)
        return "D102" in codes(check(net(3), loader, loss=nn.CrossEntropyLoss()))

    assert not found_in(range(500))
    assert found_in(range(100, 600))


def test_a_network_that_fills_holes_may_have_them(table: tuple[Tensor, Tensor]) -> None:
    """Where the network answers the broken row with numbers, D102 is a warning."""

    class Filling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net(3)

        def forward(self, rows: Tensor) -> Tensor:
            return self.inner(rows.nan_to_num())

    inputs, labels = table
    inputs[590, 4] = float("nan")
    found = [f.level for f in look(Filling(), inputs, labels) if f.code == "D102"]
    assert found == ["warning"]


def test_sigmoid_twice_shows_on_sixteen_values(table: tuple[Tensor, Tensor]) -> None:
    """A sigmoid that the graph shows needs no 64 values to be told (L106)."""
    inputs, labels = table
    wanted = (labels > 0).float().unsqueeze(1)
    loss = nn.BCEWithLogitsLoss()
    assert "L106" in codes(look(net(1, nn.Sigmoid()), inputs, wanted, loss))
    assert codes(look(net(1), inputs, wanted, loss)) == []


def test_a_loss_made_anew_is_cut(table: tuple[Tensor, Tensor]) -> None:
    """torch.tensor(loss.item(), requires_grad=True) has no graph, whatever it says (L108)."""

    def anew(output: Tensor, target: Tensor) -> Tensor:
        return torch.tensor(F.cross_entropy(output, target).item(), requires_grad=True)

    inputs, labels = table
    assert codes(look(net(3), inputs, labels, anew)) == ["L108"]


def test_class_numbers_made_into_floats_are_told(table: tuple[Tensor, Tensor]) -> None:
    """MSE on the data set's own class numbers is L112; on amounts that come as floats it is not."""

    def squares(output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output.squeeze(1), target.float())

    inputs, labels = table
    assert "L112" in codes(look(net(1), inputs, labels, squares))
    assert "L112" not in codes(look(net(1), inputs, inputs.sum(1), squares))
    assert "L112" not in codes(look(net(3), inputs, labels))


@pytest.mark.parametrize("way", ["one factor for all columns", "each column by itself"])
def test_a_table_scaled_in_train_alone(way: str, table: tuple[Tensor, Tensor]) -> None:
    """Train standardised and validation raw is T102, by whichever scaler (a warning)."""
    inputs, labels = table
    raw = inputs * 0.3 + 0.5
    if way == "each column by itself":
        raw = raw * torch.linspace(0.5, 3, 12)
    dims = (0,) if way == "each column by itself" else (0, 1)
    scaled = (raw - raw[:400].mean(dims)) / raw[:400].std(dims)
    mended, broken = (TensorDataset(part[400:], labels[400:]) for part in (scaled, raw))
    assert "T102" in codes(look(net(3), scaled[:400], labels[:400], val=broken))
    assert "T102" not in codes(look(net(3), scaled[:400], labels[:400], val=mended))


def test_one_scale_for_everything_gives_little_away() -> None:
    """S107 is an error for a scaler of columns where the rows drift, a warning where they are drawn at
    random, and for information where one number scales all."""
    torch.manual_seed(0)
    raw = torch.randn(900, 8) * torch.linspace(1, 4, 8) + 2
    drifting = raw + torch.linspace(0, 4, 900)[:, None]
    by_one = (raw - raw.mean()) / raw.std()
    levels = [
        [f.level for f in scaled.standardised_together(x[:600], [x[600:]])]
        for x in ((drifting - drifting.mean(0)) / drifting.std(0), (raw - raw.mean(0)) / raw.std(0))
    ]
    levels += [[f.level for f in scaled.standardised_together(by_one[:600], [by_one[600:]])]]
    assert levels == [["error"], ["warning"], ["info"]]


def test_three_samples_of_a_class_decide_nothing() -> None:
    """A column that happens to part three samples from the rest is no leak (S103)."""
    torch.manual_seed(0)
    labels = torch.cat([torch.zeros(200), torch.ones(3)]).long()
    features = torch.randn(203, 12)
    features[:, 5] = torch.where(labels == 1, 1.0, 0.0)
    assert not list(splits.feature_gives_label_away(features, labels))
    many = torch.arange(203) % 2
    features[:, 5] = many.float()
    assert [f.code for f in splits.feature_gives_label_away(features, many)] == ["S103"]


@pytest.mark.parametrize("declared", ["0", "0.", "0.weight"])
def test_a_frozen_part_is_declared_by_the_beginning_of_its_name(declared: str) -> None:
    """M111 follows `frozen=` whether the dot is written or not, and tells no other part."""
    torch.manual_seed(0)
    model = net(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with lamp.watch(model, optimizer, frozen=[declared], listener=SILENT) as watch:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(8, 12)).square().mean().backward()
            optimizer.step()
    told = {f.where for f in watch.findings if f.code == "M111"}
    assert "0.weight" in told
    assert told <= {"0.weight", "0.bias"}


def test_the_scored_average_can_be_declared() -> None:
    """`lamp.watch(evaluated_model=…)` takes the network whose answers are scored."""
    model, average = net(3), net(3)
    with lamp.watch(model, evaluated_model=average, listener=SILENT) as watch:
        pass
    assert watch.world.is_evaluated(average)
    assert not watch.world.is_evaluated(model)


@pytest.mark.parametrize(
    ("classes", "spread", "told"), [(2, 6.0, False), (2, 60.0, True), (10, 30.0, True)]
)
def test_a_first_loss_is_high_by_factor_and_by_amount(
    classes: int, spread: float, told: bool
) -> None:
    """I103 needs four times the loss of guessing and 3 more, which matters for two classes."""
    torch.manual_seed(0)
    logits, labels = spread * torch.randn(64, classes), torch.arange(64) % classes
    assert bool(list(initialise.first_loss_too_high(logits, labels))) is told
    assert float(F.cross_entropy(logits, labels)) > 4 * torch.tensor(float(classes)).log()


@pytest.mark.parametrize(
    ("actual", "level"), [(0.62, "error"), (0.675, "warning"), (0.6801, "info")]
)
def test_a_mean_over_batches_is_as_grave_as_it_misleads(actual: float, level: str) -> None:
    """E104 is an error from one point on; what nobody would see in the figure is for information."""
    (finding,) = evaluation.mean_of_batches("accuracy", 0.6804, actual, 6)
    assert finding.level == level
    assert f"over all answers it is {actual:.4g}" in finding.message
