"""Y101: features in the order in which a loader has shuffled, beside labels in another order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

torch.manual_seed(1)
pictures = torch.randn(360, 1, 8, 8)
kinds = torch.randint(0, 4, (360,))
pictures[torch.arange(360), 0, 2 * kinds] += 1.5


class Kept(Dataset):
    def __init__(self):
        self.targets = kinds.tolist()

    def __len__(self):
        return 360

    def __getitem__(self, i):
        return pictures[i], self.targets[i]


encoder = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 20)).eval()
"""
PROGRAM = """
data = {data}
loader = DataLoader(data, batch_size=40, shuffle={shuffle})
with torch.no_grad():
    {gather}
features = {made}
probe = nn.Linear(20, 4)
optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2)
"""
ONE_WALK = "features = torch.cat([encoder(x) for x, _ in loader])"
BOTH = (
    "seen = [(encoder(x), y) for x, y in loader]; features = torch.cat([f for f, _ in seen]); "
    "labels = torch.cat([y for _, y in seen])"
)
TWO_WALKS = ONE_WALK + "; labels = torch.cat([y for _, y in loader])"
STORED = "; labels = torch.tensor(data.targets)"
BY_HAND = """
for part in [*torch.randperm(360).split(60), *torch.randperm(360).split(60)]:
    optimizer.zero_grad()
    F.cross_entropy(probe(features[part]), labels[part]).backward()
    optimizer.step()
"""
BY_LOADER = """
for x, y in DataLoader(TensorDataset(features, labels), batch_size=30, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(probe(x), y).backward()
    optimizer.step()
"""
WHOLE = """
for _ in range(5):
    optimizer.zero_grad()
    F.cross_entropy(probe(features), labels).backward()
    optimizer.step()
"""
SHIFTED = "(features - features.mean(0)) / features.std(0)"


def program(gather: str, learn: str, **parts: str) -> str:
    """One that trains a probe on what an encoder answers."""
    known = {"data": "Kept()", "shuffle": "True", "made": "features"}
    return PROGRAM.format(gather=gather, **{**known, **parts}) + learn


def said(watching: Watch) -> list[str]:
    """What is told of labels that are no longer beside their inputs."""
    return [f.message for f in watching.findings if f.code == "Y101"]


@pytest.mark.parametrize(
    ("source", "order"),
    [
        (program(ONE_WALK + STORED, BY_HAND), "the data set"),
        (
            program(ONE_WALK + STORED, BY_LOADER, made="F.normalize(features)"),
            "the data set",
        ),
        (
            program(
                ONE_WALK + "; labels = kinds[40:]",
                BY_LOADER.replace("30", "32"),
                data="Subset(TensorDataset(pictures, kinds), range(40, 360))",
                made=SHIFTED,
            ),
            "the data set",
        ),
        (program(TWO_WALKS, BY_LOADER), "another walk"),
        (program(TWO_WALKS, WHOLE), "another walk"),
    ],
)
def test_features_and_labels_in_two_orders(
    run: Callable[[str], Watch], source: str, order: str
) -> None:
    """Scaled or not, by a loader or by hand, and labels of the data set or of a second walk."""
    (message,) = said(run(source))
    assert f"their targets are in the order of {order}" in message


@pytest.mark.parametrize(
    "source",
    [
        program(BOTH, BY_HAND),
        program(BOTH, BY_LOADER, made=SHIFTED),
        program(ONE_WALK + STORED, BY_LOADER, shuffle="False"),
        program(TWO_WALKS, BY_HAND, shuffle="False"),
        # a control: what a probe learns of labels that nothing can tell
        program(BOTH + "; labels = labels[torch.randperm(360)]", BY_LOADER),
        # features of another walk, brought back into the order of the data set
        program(
            ONE_WALK + "; features = encoder(pictures)" + STORED,
            BY_HAND,
        ),
    ],
)
def test_features_beside_their_own_labels(run: Callable[[str], Watch], source: str) -> None:
    """Whatever order they are in, as long as it is one; and labels that are shuffled on purpose."""
    assert said(run(source)) == []
