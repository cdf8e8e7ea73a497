"""What the data show is told before the first step, wherever the program keeps its loaders."""

from __future__ import annotations

from collections.abc import Callable

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] > 0).long()


class Noisy(Dataset):
    def __len__(self):
        return 240

    def __getitem__(self, index):
        return inputs[index] + 0.1 * torch.randn(8), labels[index]


class Trainer:
    def __init__(self, train_set, held_out):
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-2)
        self.train_dl = DataLoader(train_set, 16, shuffle=True)
        self.val_dl = DataLoader(held_out, 16)

    def train(self, epochs=2):
        for _ in range(epochs):
            self.model.train()
            for x, y in self.train_dl:
                self.optimizer.zero_grad()
                F.cross_entropy(self.model(x), y).backward()
                self.optimizer.step()

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            return sum((self.model(x).argmax(1) == y).sum().item() for x, y in self.val_dl)
"""


def line_of(text: str, rest: str) -> int:
    """The line of the program on which a text stands."""
    lines = (HEAD + rest).splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_loader_of_an_object_is_looked_at_before_the_first_step(
    run: Callable[[str], Watch],
) -> None:
    """T101: noise on validation data that a trainer object holds is told at step 0, where it is made."""
    rest = """
data = Noisy()
trainer = Trainer(Subset(data, range(180)), Subset(data, range(180, 240)))
trainer.train()
print(trainer.evaluate())
"""
    (found,) = run(rest).findings
    assert (found.code, found.where, found.step) == ("T101", "`val_dl`", 0)
    assert found.line == line_of("randn(8), labels", rest) or found.line == line_of("Subset(", rest)


def test_shared_samples_are_told_before_the_first_step(run: Callable[[str], Watch]) -> None:
    """S101: samples of train in validation are told at step 0 and stay told."""
    rest = """
trainer = Trainer(TensorDataset(inputs[:180], labels[:180]), TensorDataset(inputs[120:], labels[120:]))
trainer.train()
print(trainer.evaluate())
"""
    (found,) = run(rest).findings
    assert (found.code, found.step) == ("S101", 0)
    assert "60 of 120 samples" in found.message


def test_guess_from_a_name_is_withdrawn_where_the_program_does_otherwise(
    run: Callable[[str], Watch],
) -> None:
    """A last training on all data is no leak, though a loader named for validation still exists."""
    rest = """
trainer = Trainer(TensorDataset(inputs, labels), TensorDataset(inputs[180:], labels[180:]))
trainer.train()
"""
    assert run(rest).findings == []


def test_sampler_of_the_program_decides_what_is_read(run: Callable[[str], Watch]) -> None:
    """Two loaders over one set with samplers that do not meet share no samples."""
    rest = """
data = TensorDataset(inputs, labels)
order = torch.randperm(240).tolist()
sampler = torch.utils.data.SubsetRandomSampler
trainer = Trainer(data, data)
trainer.train_dl = DataLoader(data, 16, sampler=sampler(order[:180]))
trainer.val_dl = DataLoader(data, 16, sampler=sampler(order[180:]))
trainer.train()
print(trainer.evaluate())
"""
    assert run(rest).findings == []


def test_names_come_from_the_source_where_nothing_holds_the_loader(
    run: Callable[[str], Watch],
) -> None:
    """A loader that only a dictionary in a function held is called by its key."""
    rest = """
def loaders():
    return {"train": DataLoader(TensorDataset(inputs[:180], labels[:180]), 16, shuffle=True),
            "val": DataLoader(TensorDataset(inputs[120:], labels[120:]), 16)}

trainer = Trainer(TensorDataset(inputs[:9], labels[:9]), TensorDataset(inputs[9:], labels[9:]))
trainer.train_dl, trainer.val_dl = loaders().values()
trainer.train()
print(trainer.evaluate())
"""
    (found,) = run(rest).findings
    assert (found.code, found.step, found.line) == ("S101", 0, line_of('"val": DataLoader', rest))
