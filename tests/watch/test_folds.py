"""E103: one network through all folds; T102: a backbone that others learn from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
table, kinds = load_wine(return_X_y=True)
x, y = torch.tensor(StandardScaler().fit(table[:30]).transform(table)).float(), torch.tensor(kinds)


def network():
    return nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))


def fit(net, inputs, labels):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    net.train()
    for _ in range(4):
        for part in torch.randperm(len(inputs)).split(16):
            optimizer.zero_grad()
            F.cross_entropy(net(inputs[part]), labels[part]).backward()
            optimizer.step()
    net.eval()


def score(net, inputs, labels):
    with torch.no_grad():
        print(f"right {(net(inputs).argmax(1) == labels).sum().item()}")


model = network()
start = copy.deepcopy(model.state_dict())
"""
BY_HAND = """
parts = torch.randperm(len(x)).chunk(4)
for k in range(4):
    rest = torch.cat([part for j, part in enumerate(parts) if j != k])
    {anew}
    fit(model, x[rest], y[rest])
    score(model, x[parts[k]], y[parts[k]])
"""
SCALED = """
for train, held_out in {splitter}.split(table):
    scaler = StandardScaler().fit(table[train])
    inner, outer = (torch.tensor(scaler.transform(table[i])).float() for i in (train, held_out))
    {anew}
    fit(model, inner, y[train])
    score(model, outer, y[held_out])
"""
FOLDS = "KFold(5, shuffle=True, random_state=0)"
DIRTY = {
    "by hand": BY_HAND.format(anew="pass"),
    "scaled in each fold": SCALED.format(splitter=FOLDS, anew="pass"),
}
CHOSEN = """
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(6):
    for part in torch.randperm(160).split(32):
        with torch.no_grad():
            losses = F.cross_entropy(model(x[part]), y[part], reduction="none")
        easy = part[losses.argsort()[:20]]
        optimizer.zero_grad()
        F.cross_entropy(model(x[easy]), y[easy]).backward()
        optimizer.step()
model.eval()
score(model, x[160:], y[160:])
"""
CLEAN = {
    "chosen by their losses to be trained on": CHOSEN,
    "by hand": BY_HAND.format(anew="model = network()"),
    "scaled in each fold": SCALED.format(splitter=FOLDS, anew="model = network()"),
    "weights put back": SCALED.format(splitter=FOLDS, anew="model.load_state_dict(start)"),
    "time goes on": SCALED.format(splitter="TimeSeriesSplit(4)", anew="pass"),
}
PROBE = """
fit(model, x, y)
brighter = 0.3 * x + 4
body, head = model[:2], nn.Linear(16, 2)
for weight in body.parameters():
    weight.requires_grad = False
optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
for part in torch.randperm(len(x)).split(16):
    optimizer.zero_grad()
    F.cross_entropy(head(body(brighter[part])), y[part] % 2).backward()
    optimizer.step()
head.eval()
score(nn.Sequential(body, head), brighter, y % 2)
"""


@pytest.mark.parametrize("name", DIRTY)
def test_network_that_goes_from_fold_to_fold_is_told(
    name: str, run: Callable[[str], Watch]
) -> None:
    """By the samples themselves, or by the splitter's row numbers where each fold scales anew."""
    (found,) = run(DIRTY[name]).findings
    assert (found.code, found.level) == ("E103", "error")
    assert "samples that this fold sets aside were trained on in the folds before" in found.message


@pytest.mark.parametrize("name", CLEAN)
def test_folds_that_begin_anew_stay_silent(name: str, run: Callable[[str], Watch]) -> None:
    """A new network, weights put back, or folds of which none was trained on before."""
    assert [f for f in run(CLEAN[name]).findings if f.code != "D106"] == []


def test_backbone_may_be_given_other_data_than_it_learned_from(run: Callable[[str], Watch]) -> None:
    """T102: what another network's features are made from is no evaluation of the backbone."""
    assert run(PROBE).findings == []


def test_samples_set_aside_and_never_read_are_told(run: Callable[[str], Watch]) -> None:
    """E103: the only score is on what was trained on, though a test was made."""
    split = "x_train, x_test, y_train, y_test = x[::2], x[1::2], y[::2], y[1::2]\n"
    fitted = split + "fit(model, x_train, y_train)\n"
    (found,) = run(fitted + "score(model, x_train, y_train)\nprint('done')\n").findings
    assert (found.code, found.level) == ("E103", "warning")
    assert "`x_test` is made and never given to it" in found.message
    assert run(fitted + "score(model, x_test, y_test)\nprint('done')\n").findings == []
    both = "score(model, x_train, y_train)\nscore(model, x_test, y_test)\n"
    assert run(fitted + both).findings == []
