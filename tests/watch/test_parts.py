"""Networks beside the first, calls that are no row of tensors, losses with further terms: M104 to M110."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def fit(loss, networks, *data, rate=1e-3):
    weights = [p for n in networks for p in n.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(weights, rate)
    for batch in DataLoader(TensorDataset(*data), batch_size=20, shuffle=True):
        optimizer.zero_grad()
        loss(*batch).backward()
        optimizer.step()
"""
TWO = """
x, y = torch.randn(300, 9), torch.randn(300, 4)
below = nn.Sequential(nn.Linear(9, 16), nn.ReLU())


class Above(nn.Module):
    def __init__(self):
        super().__init__()
        self.mid, self.end = nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, h):
        MIDDLE
        return self.end(h)


above = Above()
fit(lambda a, b: F.mse_loss(above(below(a)), b), (below, above), x, y)
"""


def _codes(watching: Watch) -> list[str]:
    return [f.code for f in watching.findings]


@pytest.mark.parametrize(
    ("middle", "codes"),
    [
        ("h = F.gelu(self.mid(h))", []),
        ("h = F.gelu(self.mid(h)); h = h - h.mean(0)", ["M104"]),
        ("h = F.dropout(F.gelu(self.mid(h)), 0.2)", ["M106"]),
        ("h = self.mid(h)", ["M109"]),
    ],
)
def test_the_second_network_is_tried_as_well(
    run: Callable[[str], Watch], middle: str, codes: list[str]
) -> None:
    """M104, M106, M109: what the first network made is given to the second."""
    assert _codes(run(TWO.replace("MIDDLE", middle))) == codes


DICTIONARY = """
class Pieces(torch.utils.data.Dataset):
    def __len__(self):
        return 300

    def __getitem__(self, i):
        torch.manual_seed(i)
        notes = torch.randint(1, 20, (7,))
        return {"notes": notes, "loud": notes.float().mean() > 10}


class Ear(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.walk, self.end = nn.Embedding(20, 8), nn.RNN(8, 16FIRST), nn.Linear(16, 2)

    def forward(self, piece, scale=1.0):
        return self.end(self.walk(self.table(piece["notes"]))[0][:, -1] * scale)


ear = Ear()
optimizer = torch.optim.Adam(ear.parameters(), 1e-3)
for piece in DataLoader(Pieces(), batch_size=20):
    optimizer.zero_grad()
    F.cross_entropy(ear(piece, scale=2.0), piece["loud"].long()).backward()
    optimizer.step()
"""


def test_a_batch_may_be_one_dictionary(run: Callable[[str], Watch]) -> None:
    """M104: the network gets the whole batch, and a number by name."""
    assert _codes(run(DICTIONARY.replace("FIRST", ""))) == ["M104"]
    assert _codes(run(DICTIONARY.replace("FIRST", ", batch_first=True"))) == []


SERIES = """
wave = torch.sin(torch.rand(400, 1) * 6 + torch.arange(25) / 3) + 0.05 * torch.randn(400, 25)


class Smoother(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.end = nn.Conv1d(1, 8, 5), nn.Conv1d(8, 1, 1)

    def forward(self, x):
        return self.end(torch.tanh(self.one(F.pad(x[:, None], PAD))))[:, 0]


net = Smoother()
"""
LOSSES = (
    "fit(lambda w: (net(w[:, :-1]) - w[:, 1:]).abs().mean(), (net,), wave)",
    "fit(lambda w: F.mse_loss(net(w[:, :-1]), w[:, 1:]) + 1e-3 * net.end.weight.abs().sum(), "
    "(net,), wave)",
)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_next_value_is_not_read_whatever_the_loss(
    run: Callable[[str], Watch], loss: str
) -> None:
    """M105: with a difference of the program's own, and with a further term."""
    assert _codes(run(SERIES.replace("PAD", "(2, 2)") + loss)) == ["M105"]
    assert _codes(run(SERIES.replace("PAD", "(4, 0)") + loss)) == []


LETTERS = """
rows = (torch.randint(0, 12, (300, 1)) + torch.randint(1, 4, (300, 1)) * torch.arange(13)) % 12


class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.end = nn.Embedding(12, 16), nn.Linear(16, 12)
        self.walk = nn.LSTM(16, 8 if BOTH else 16, batch_first=True, bidirectional=BOTH)

    def forward(self, x):
        return F.log_softmax(self.end(self.walk(self.table(x))[0]), -1)


net = Writer()
fit(lambda r: -net(r[:, :-1]).gather(2, r[:, 1:, None]).sum(1).mean(), (net,), rows)
"""


def test_the_next_letter_is_not_read_whatever_the_loss(run: Callable[[str], Watch]) -> None:
    """M105: the likelihood is picked by the program itself."""
    assert _codes(run(LETTERS.replace("BOTH", "True"))) == ["M105"]
    assert _codes(run(LETTERS.replace("BOTH", "False"))) == []


HEADLESS = """
x = torch.randn(300, 12)
net = nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.Tanh(), nn.Linear(16, 3))
nn.init.NAME(net[3].weight)
for p in (*net[0].parameters(), *net[3].parameters()):
    p.requires_grad = False
fit(lambda a, b: F.cross_entropy(net(a), b), (net,), x, x[:, :3].argmax(1))
"""


def test_a_frozen_output_is_known_as_random_by_how_it_was_filled(
    run: Callable[[str], Watch],
) -> None:
    """M110: whatever the distribution; directions at right angles are chosen on purpose."""
    (finding,) = run(HEADLESS.replace("NAME", "normal_")).findings
    assert finding.code == "M110"
    assert "weights still are those of its random initialisation" in finding.message
    assert _codes(run(HEADLESS.replace("NAME", "orthogonal_"))) == []


WAYS = """
x = torch.randn(300, 8)


class Way(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        size = x.size(1)
        around = x
        inner = self.two(torch.relu(self.one(x)))
        RETURN


net = nn.Sequential(Way(), nn.ReLU(), nn.Linear(8, 1))
fit(lambda a: (net(a) - a[:, :1]).square().mean(), (net,), x)
"""


def test_a_tensor_that_is_never_read_is_told(run: Callable[[str], Watch]) -> None:
    """M114: the way around a block is kept and not taken; a size is no tensor."""
    (finding,) = run(WAYS.replace("RETURN", "return inner")).findings
    assert (finding.code, finding.level, finding.where) == ("M114", "warning", "`around`")
    assert "gives it a tensor and never reads it" in finding.message


def test_a_tensor_that_is_read_is_fine(run: Callable[[str], Watch]) -> None:
    """The way around is taken."""
    assert _codes(run(WAYS.replace("RETURN", "return inner + around"))) == []


NAMED = """
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        floor = nn.Linear(8, 8)
        for i in range(FLOORS):
            setattr(self, f"floor_{i}", FLOOR)

    def forward(self, x):
        for i in range(FLOORS):
            x = torch.tanh(getattr(self, f"floor_{i}")(x))
        return x


x = torch.randn(300, 8)
net = nn.Sequential(Tower(), nn.Linear(8, 1))
fit(lambda a: (net(a) - a[:, :1]).square().mean(), (net,), x)
"""


def test_one_layer_under_counted_names_is_told(run: Callable[[str], Watch]) -> None:
    """M103: three names are no pair that is to be treated alike."""
    one = NAMED.replace("FLOORS", "3")
    (finding,) = run(one.replace("FLOOR", "floor")).findings
    assert finding.code == "M103"
    assert "floor_0, floor_1, floor_2" in finding.message
    assert _codes(run(one.replace("FLOOR)", "nn.Linear(8, 8))"))) == []
    assert _codes(run(NAMED.replace("FLOORS", "2").replace("FLOOR", "floor"))) == []


HEADS = """
class Answers(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.ends = nn.Linear(8, 8), nn.ModuleDict(ENDS)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return torch.cat([end(h) for end in self.ends.values()], 1)


x = torch.randn(300, 8)
net = Answers()
fit(lambda a: (net(a) - a[:, :3]).square().mean(), (net,), x)
"""


def test_one_head_for_all_names_is_told(run: Callable[[str], Watch]) -> None:
    """M103: a dictionary of modules whose values are one and the same."""
    same = HEADS.replace("ENDS", 'dict.fromkeys("abc", nn.Linear(8, 1))')
    assert _codes(run(same)) == ["M103"]
    assert _codes(run(HEADS.replace("ENDS", '{n: nn.Linear(8, 1) for n in "abc"}'))) == []
