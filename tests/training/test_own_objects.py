"""`lamp.fit`: what is left of a training of the user's own objects, and who can use it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lamplighter as lamp
from lamplighter.cli.told import print_run
from lamplighter.errors import ModelError, UsageError
from lamplighter.listener import Listener
from lamplighter.own_outcome import count_outputs
from lamplighter.recipe import make_recipe, read_recipe

ROWS = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
KINDS = torch.arange(60) % 3


class Heard(Listener):
    """Keeps what was warned of."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


class Named(TensorDataset):
    """Rows with names for their classes."""

    classes: Any = ("ant", "bee", "cat")


def fitted(module: nn.Module, data: Any, out: Path, **settings: Any) -> Any:
    named = {"val": data, "epochs": 1, "checks": "off", "tensorboard": False, "listener": Heard()}
    return lamp.fit(module, data, out=str(out), **{**named, **settings})


class Curved(nn.Module):
    """Its weights fit whatever curve it was made with."""

    def __init__(self, curve: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), curve(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_a_class_that_alone_makes_another_network_is_not_called(tmp_path: Path) -> None:
    """Curved(Tanh) and Curved() take each other's weights: loading asks for the instance."""
    run = fitted(Curved(nn.Tanh), Named(ROWS, KINDS), tmp_path)
    for own in (None, Curved):
        with pytest.raises(
            ModelError, match=r"an instance that .*Curved alone does not make"
        ) as told:
            lamp.load(run.artifact, own=own)
        assert told.value.fix.startswith("lamp.load(path, own=instance)")
    expected = run.model.predict(ROWS[:5])
    assert lamp.load(run.artifact, own=Curved(nn.Tanh)).predict(ROWS[:5]) == expected
    assert lamp.load(run.artifact, own=lambda: Curved(nn.Tanh)).predict(ROWS[:5]) == expected


def test_a_class_that_makes_the_network_is_enough(tmp_path: Path) -> None:
    """A class that is imported already, and needs no more, is found by its name."""
    run = fitted(Curved(), Named(ROWS, KINDS), tmp_path)
    assert lamp.load(run.artifact).predict(ROWS[:5]) == run.model.predict(ROWS[:5])


class Sized(nn.Module):
    """Is told how many numbers to give."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@pytest.mark.parametrize("targets", [KINDS, torch.rand(60, 2), torch.rand(60, 3).round()])
def test_a_class_is_called_with_the_outputs_that_there_are(targets: Tensor, tmp_path: Path) -> None:
    """Also where nothing names the classes, and where the answers are numbers or several labels."""
    outputs = 3 if targets is KINDS else targets.shape[1]
    run = fitted(Sized(outputs), TensorDataset(ROWS, targets), tmp_path)
    loaded = lamp.load(run.artifact)
    assert loaded.artifact.architecture.outputs == outputs
    assert loaded.predict(ROWS[:5]) == run.model.predict(ROWS[:5])


@pytest.mark.parametrize(
    ("outputs", "classes", "told"),
    [
        (5, ("ant", "bee", "cat", "3", "4"), "outputs without a name are called by their number"),
        (3, ("ant", "bee", "cat"), None),
    ],
)
def test_more_outputs_than_names(
    outputs: int, classes: tuple[str, ...], told: str | None, tmp_path: Path
) -> None:
    """A network of a thousand outputs learns three classes: the others have their numbers as names."""
    heard = Heard()
    run = fitted(nn.Linear(4, outputs), Named(ROWS, KINDS), tmp_path, listener=heard)
    assert run.model.classes == classes
    assert [text for text in heard.warned if "outputs" in text] == (
        [f"the network gives {outputs} outputs and the data set names 3 classes: {told}"] if told else []
    )  # fmt: skip
    assert {one.label for one in run.model.predict(ROWS)} <= set(classes)


def test_more_names_than_outputs(tmp_path: Path) -> None:
    """Names beyond the outputs stand for nothing."""

    class Many(Named):
        classes: Any = ("ant", "bee", "cat", "dog")

    heard = Heard()
    run = fitted(nn.Linear(4, 3), Many(ROWS, KINDS), tmp_path, listener=heard)
    assert run.model.classes == ("ant", "bee", "cat")
    assert "the last names stand for no output" in heard.warned[0]


def test_names_of_classes_that_are_none(tmp_path: Path) -> None:
    """A mere number of classes names none; a name given twice is refused before anything is trained."""

    class Counted(TensorDataset):
        classes = 3

    assert fitted(nn.Linear(4, 3), Counted(ROWS, KINDS), tmp_path).model.classes == ("0", "1", "2")
    with pytest.raises(UsageError, match="two classes have one name: ant"):
        fitted(nn.Linear(4, 3), Named(ROWS, KINDS), tmp_path, classes=["ant", "ant", "bee"])


class Recurrent(nn.Module):
    """Answers for sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.GRU(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)[0][..., -1, :])


def test_one_sequence_and_several(tmp_path: Path) -> None:
    """Whether a tensor is one example or a batch is told by what the training was given."""
    sequences = torch.randn(60, 7, 4, generator=torch.Generator().manual_seed(1))
    run = fitted(Recurrent(), Named(sequences, KINDS), tmp_path)
    model = lamp.load(run.artifact, own=Recurrent)
    several = model.predict(sequences[:5])
    assert len(several) == 5
    assert model.predict(sequences[0]).label == several[0].label


class Targets(Dataset[Any]):
    """Rows with targets that are listed beside them."""

    classes: ClassVar[Any] = None

    def __init__(self, targets: Tensor, *, listed: bool) -> None:
        self.rows = targets
        if listed:
            self.targets = targets

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return ROWS[index], self.rows[index]


@pytest.mark.parametrize(
    ("targets", "outputs"),
    [(torch.rand(60), 1), (torch.rand(60, 1), 1), (torch.rand(60, 2), 2), (KINDS, 3)],
)
def test_outputs_are_counted(targets: Tensor, outputs: int) -> None:
    """As many as an example has numbers, or as there are classes, wherever the targets are found."""
    assert count_outputs(Targets(targets, listed=True)) == outputs
    assert count_outputs(Targets(targets, listed=False)) == outputs
    assert count_outputs(TensorDataset(ROWS, targets)) == outputs


def test_what_is_asked_on_resume_is_written_down(tmp_path: Path) -> None:
    """A run that shall go further, and is interrupted again, still knows how far."""
    data = Named(ROWS, KINDS)
    run = fitted(nn.Linear(4, 3), data, tmp_path, lr=0.5)
    fitted(nn.Linear(4, 3), data, tmp_path, epochs=3, resume=run.path)
    recipe = make_recipe(read_recipe(run.path / "recipe.toml"))
    assert (recipe.epochs, recipe.batch) == (3, 32)


@pytest.mark.parametrize("form", [list, tuple])
def test_batches_in_a_plain_list_are_refused(form: Any, tmp_path: Path) -> None:
    """They look like examples, which a list holds as well: as those they would be batched again."""
    batches = form(zip(ROWS.split(20), KINDS.split(20), strict=True))
    named = form({"x": x, "labels": y} for x, y in batches)
    for given in (batches, named):
        with pytest.raises(UsageError, match="20 rows each: they may be examples") as told:
            fitted(nn.Linear(4, 3), given, tmp_path)
        assert "DataLoader(batches, batch_size=None" in told.value.fix
        assert "of 3 items" in str(told.value.where)
    assert not list(tmp_path.iterdir())


def test_batches_and_examples_once_it_is_said(tmp_path: Path) -> None:
    """The loader of the message takes the batches as they are; plain examples need no loader."""
    batches = list(zip(ROWS.split(20), KINDS.split(20), strict=True))
    loader: Any = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    seen: list[int] = []
    net = nn.Linear(4, 3)
    net.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    fitted(net, loader, tmp_path, val=None)
    assert set(seen) == {20}
    examples = list(zip(ROWS, KINDS.tolist(), strict=True))
    run = fitted(nn.Linear(4, 3), examples, tmp_path, val=None, checks="fast")
    assert run.epochs == 1


def test_what_to_type_next_can_be_typed(tmp_path: Path, capsys: Any) -> None:
    """No command turns a file into the user's own tensors, so Python is told; what is told works."""
    run = fitted(Sized(3), Named(ROWS, KINDS), tmp_path)
    assert run.use == f'in Python: lamp.load("{run.path}", own=Sized).predict(tensor)'
    known: dict[str, Any] = {"lamp": lamp, "Sized": Sized, "tensor": ROWS[:5]}
    assert len(eval(run.use.removeprefix("in Python: "), known)) == 5
    instance = fitted(Curved(nn.Tanh), Named(ROWS, KINDS), tmp_path)
    assert "own=net)" in instance.use
    known["net"] = Curved(nn.Tanh)
    assert len(eval(instance.use.removeprefix("in Python: "), known)) == 5
    print_run(run)
    assert f"next:   {run.use}\n" in capsys.readouterr().out
