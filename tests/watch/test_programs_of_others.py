"""What public programs hold that the gallery did not: sparse matrices, parts that lie idle."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch
from lamplighter.watch.events import FAULT, Stream, Watcher


class Plain(nn.Module):
    """A network with a norm at its entrance, which one of its kind uses and the other does not."""

    def __init__(self, *, normed: bool) -> None:
        super().__init__()
        self.normed = normed
        self.entrance = nn.BatchNorm1d(3)
        self.inner = nn.Linear(3, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One number for each row."""
        x = self.entrance(x) if self.normed else x
        return self.out(torch.tanh(self.inner(x)))


def _codes(*, normed: bool, at_evaluation: bool = False) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    model = Plain(normed=normed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for step in range(60):
            model.train()
            if at_evaluation and step:
                model.entrance.eval()
            x = torch.randn(16, 3)
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), x.sum(1, keepdim=True)).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings]


def test_a_norm_that_is_left_out_has_learned_nothing() -> None:
    """It is told as a layer that is never called, and not of its statistics."""
    told = _codes(normed=False)
    assert ("M117", "warning") in told
    assert "M113" not in {code for code, _ in told}


def test_a_norm_that_is_used_learns() -> None:
    """The same network, with it."""
    assert _codes(normed=True) == []


class Graph(nn.Module):
    """Two layers over the neighbours of each node."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(20, 16), nn.Linear(16, 4)

    def forward(self, features: Tensor, near: Tensor) -> Tensor:
        """Logarithms of the probabilities of four classes."""
        hidden = torch.relu(torch.sparse.mm(near, torch.mm(features, self.one.weight.T)))
        return torch.log_softmax(torch.sparse.mm(near, self.two(hidden)), 1)


@pytest.mark.parametrize("sparse", [False, True])
def test_sparse_features_are_followed_without_a_fault(sparse: bool) -> None:
    """A graph network over sparse matrices, and over a sparse table of features."""
    torch.manual_seed(0)
    labels = torch.randint(0, 4, (80,))
    near = (torch.rand(80, 80) < 0.05).float() + torch.eye(80)
    near = (near / near.sum(1, keepdim=True)).to_sparse()
    features = (torch.rand(80, 20) < 0.2).float()
    features[torch.arange(80), labels] = 1.0
    given = features.to_sparse() if sparse else features
    model = Graph()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch() as watching:
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.nll_loss(model(given, near)[:60], labels[:60]).backward()
            optimizer.step()
    assert watching.faults == []
    assert {f.level for f in watching.findings} <= {"info", "warning"}


class _Breaks(Watcher):
    def ended(self) -> None:
        raise NotImplementedError("this backend cannot\n" + "registered at somewhere\n" * 200)


def test_a_watchers_fault_is_told_in_a_line() -> None:
    """What torch says of all its backends stays away."""
    stream = Stream([_Breaks()])
    stream.tell("ended")
    (fault,) = stream.faults
    assert fault == "_Breaks.ended: NotImplementedError: this backend cannot"
    assert len(fault) < FAULT


def _targets(way: str) -> list[str]:
    torch.manual_seed(0)
    learned = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
    follower = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
    follower.load_state_dict(learned.state_dict())
    optimizer = torch.optim.Adam(learned.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(8):
            now, after, rewards = torch.randn(32, 3), torch.randn(32, 3), torch.randn(32)
            going = (torch.arange(32) % 8 > 0).float()
            network = follower if way == "follower" else learned
            wanted = rewards + 0.95 * network(after).amax(1) * going
            value = learned(now)[:, 0]
            if way == "weighed":  # the error weighs something, and the value is fitted apart
                weight = (wanted - value).detach()
                loss = (learned(now).log_softmax(1)[:, 1] * -weight).mean()
                loss = loss + (value - wanted.detach()).square().mean()
            elif way == "inline":
                loss = nn.functional.mse_loss(
                    value, rewards + 0.95 * learned(after).amax(1) * going
                )
            else:
                loss = nn.functional.mse_loss(value, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings]


@pytest.mark.parametrize("way", ["follower", "weighed"])
def test_a_target_whose_graph_moves_nothing(way: str) -> None:
    """That of a network which no optimizer holds, and one that was cut off before the loss."""
    assert "Q104" not in _targets(way)


@pytest.mark.parametrize("way", ["whole", "inline"])
def test_a_target_whose_graph_moves_the_values(way: str) -> None:
    """Q104: the learned network itself gives the target."""
    assert _targets(way) == ["Q104"]


@pytest.mark.parametrize("rate", [0.1, 30.0])
def test_the_size_of_a_single_weight_is_chance(rate: float) -> None:
    """O103: a line whose slope begins near zero may move by more than that, not by anything."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(0.004)
    x = torch.linspace(-1, 1, 60).view(-1, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    with watch() as watching:
        for _ in range(12):
            optimizer.zero_grad()
            # it begins near the best answer: the loss does not fall, whatever the rate
            nn.functional.mse_loss(torch.sigmoid(model(x)), 0.5 + 0 * x).backward()
            optimizer.step()
    assert watching.faults == []
    assert ("O103" in {f.code for f in watching.findings}) == (rate > 1)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:FutureWarning")
def test_a_traced_network_is_recorded_as_it_is() -> None:
    """`torch.jit.trace` runs a network twice and compares what it wrote down."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(32, 4), torch.randint(0, 3, (32,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        traced = torch.jit.trace(model, x)
        for _ in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        again = torch.jit.trace(model.eval(), x)
    assert watching.faults == []
    assert torch.equal(again(x), model(x))
    assert torch.equal(traced(x), model(x))


def _one_batch(way: str) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    if way == "without chance":
        model[2] = nn.Identity()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows = torch.randn(200, 5)
    held = TensorDataset(torch.randn(80, 5), torch.randn(80, 1))
    train = DataLoader(TensorDataset(rows, rows.sum(1, keepdim=True)), batch_size=20, shuffle=True)
    test = DataLoader(held, batch_size=20, shuffle=True)
    with watch() as watching:
        if way == "before":
            with torch.no_grad():
                model(next(iter(test))[0])
        for _ in range(3):
            for x, y in train:
                optimizer.zero_grad()
                (model(x) - y).square().mean().backward()
                optimizer.step()
            with torch.no_grad():
                if way in ("broken off", "without chance"):
                    for number, (x, y) in enumerate(test):
                        (model(x) - y).square().mean().item()
                        if number == 1:
                            break
                elif way == "of train":
                    model(next(iter(train))[0])
                elif way == "evaluated":
                    model.eval()
                    model(next(iter(test))[0])
                    model.train()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings if f.code == "R103"]


def test_some_batches_of_the_test_set_in_training_mode() -> None:
    """R103 as well where the walk over the loader is broken off."""
    assert _one_batch("broken off") == [("R103", "warning")]


@pytest.mark.parametrize("way", ["without chance", "before", "of train", "evaluated", "none"])
def test_batches_that_are_no_evaluation_in_training_mode(way: str) -> None:
    """No layer of chance, nothing learned yet, the training data themselves, or eval mode."""
    assert _one_batch(way) == []


class Sorting(nn.Module):
    """Sorts its rows by length, as whoever packs them, and hands the labels back with them."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.read = nn.GRU(4, 8, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor, lengths: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the labels in their order."""
        lengths, order = lengths.sort(descending=True)
        packed = nn.utils.rnn.pack_padded_sequence(x[order], lengths, batch_first=True)
        scores = self.out(self.read(packed)[1][-1])
        if self.way == "mixing":
            scores = scores + 0.5 * scores.mean(0)
        return scores, labels[order]


@pytest.mark.parametrize("way", ["plain", "mixing"])
def test_samples_that_come_back_in_another_order(way: str) -> None:
    """M104: they are no mixed samples where the labels come back with them."""
    torch.manual_seed(0)
    lengths = torch.randint(3, 9, (120,))
    x, y = torch.randn(120, 8, 4), torch.randint(0, 3, (120,))
    model = Sorting(way)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(x, lengths, y), batch_size=20, shuffle=True)
    with watch() as watching:
        for _ in range(2):
            for rows, sizes, labels in loader:
                scores, sorted_labels = model(rows, sizes, labels)
                optimizer.zero_grad()
                nn.functional.cross_entropy(scores, sorted_labels).backward()
                optimizer.step()
    assert watching.faults == []
    assert ("M104" in {f.code for f in watching.findings}) == (way == "mixing")
