"""Scalers, new optimizers, foreign clipping, copies: E109, L108, O113, P104, R103, R106."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch

X = torch.randn(1200, 5, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] * X[:, 1] > 0).long()


def _network(*, chancy: bool = False) -> nn.Sequential:
    middle = nn.Dropout(0.3) if chancy else nn.Identity()
    return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), middle, nn.Linear(16, 2))


@pytest.mark.parametrize(("inside", "expected"), [(True, ["O113"]), (False, [])])
def test_one_optimizer_for_all_steps(inside: bool, expected: list[str]) -> None:
    """O113: one with a memory is built before the loop; SGD has none."""
    torch.manual_seed(0)
    for kind, memory in ((torch.optim.Adam, True), (torch.optim.SGD, False)):
        model = _network()
        with watch() as watching:
            optimizer = kind(model.parameters(), lr=0.01)
            for part in torch.arange(240).split(20):
                if inside:
                    optimizer = kind(model.parameters(), lr=0.01)
                optimizer.zero_grad()
                F.cross_entropy(model(X[part]), Y[part]).backward()
                optimizer.step()
        assert [f.code for f in watching.findings] == (expected if memory else [])


@pytest.mark.parametrize("how", ["scaler", "unscaled by hand", "plainly"])
def test_who_scales_steps_by_the_scaler(how: str) -> None:
    """P104: a plain step takes gradients with the factor on them."""
    torch.manual_seed(0)
    model = _network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    with watch() as watching:
        for part in torch.arange(240).split(20):
            optimizer.zero_grad()
            scaler.scale(F.cross_entropy(model(X[part]), Y[part])).backward()
            if how == "unscaled by hand":
                for weight in model.parameters():
                    weight.grad /= scaler.get_scale()  # type: ignore[operator]
            if how == "scaler":
                scaler.step(optimizer)
            else:
                optimizer.step()
            if how == "scaler":
                scaler.update()
    assert [f.code for f in watching.findings] == (["P104"] if how == "plainly" else [])


@pytest.mark.parametrize("right", [True, False])
def test_clipping_is_of_the_network_that_steps(right: bool) -> None:
    """R106: clipping what another step has used has no effect."""
    torch.manual_seed(0)
    maker, critic = nn.Linear(3, 5), _network()
    makes = torch.optim.SGD(maker.parameters(), lr=1e-2)
    judges = torch.optim.SGD(critic.parameters(), lr=1e-2)
    with watch() as watching:
        for part in torch.arange(240).split(20):
            judges.zero_grad()
            with torch.no_grad():
                made = maker(torch.randn(20, 3))
            (F.cross_entropy(critic(X[part]), Y[part]) + critic(made).square().mean()).backward()
            nn.utils.clip_grad_norm_((critic if right else maker).parameters(), 1.0)
            judges.step()
            makes.zero_grad()
            critic(maker(torch.randn(20, 3))).square().mean().backward()
            makes.step()
    assert [f.code for f in watching.findings] == ([] if right else ["R106"])


@pytest.mark.parametrize("graph", [True, False])
def test_penalty_of_slopes_has_a_graph(graph: bool) -> None:
    """L108: without `create_graph` it adds a number and trains nothing."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    with watch() as watching:
        for part in torch.arange(240).split(20):
            x = X[part].clone().requires_grad_(True)
            out = net(x)
            (slope,) = torch.autograd.grad(
                out, x, torch.ones_like(out), create_graph=graph, retain_graph=True
            )
            penalty = (slope.norm(2, dim=1) - 1).pow(2).mean()
            optimizer.zero_grad()
            (out.square().mean() + 10 * penalty).backward()
            optimizer.step()
    assert [f.code for f in watching.findings] == ([] if graph else ["L108"])


@pytest.mark.parametrize("mode", [True, False])
def test_teacher_is_in_evaluation_mode(mode: bool) -> None:
    """R103: else it drops values from the targets that it gives."""
    torch.manual_seed(0)
    teacher, student = _network(chancy=True).train(mode), _network()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    with watch() as watching:
        for part in torch.arange(1200).split(25):
            with torch.no_grad():
                wanted = teacher(X[part]).softmax(1)
            optimizer.zero_grad()
            F.cross_entropy(student(X[part]), wanted).backward()
            optimizer.step()
    assert [f.code for f in watching.findings] == (["R103"] if mode else [])


@pytest.mark.parametrize("how", ["forgotten", "updated", "yardstick"])
def test_what_is_evaluated_is_trained(how: str) -> None:
    """E109: a copy that stays as it was; beside the network itself it is a yardstick."""
    torch.manual_seed(0)
    model = _network()
    average = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(4):
            for part in torch.arange(200).split(20):
                optimizer.zero_grad()
                F.cross_entropy(model(X[part]), Y[part]).backward()
                optimizer.step()
                if how == "updated":
                    with torch.no_grad():
                        for slow, fast in zip(
                            average.parameters(), model.parameters(), strict=True
                        ):
                            slow.lerp_(fast, 0.1)
            average.eval()
            model.train(how != "yardstick")
            with torch.no_grad():
                average(X[200:300])
                if how == "yardstick":
                    model(X[200:300])
            model.train()
    assert [f.code for f in watching.findings] == (["E109"] if how == "forgotten" else [])


@pytest.mark.parametrize("how", ["kept", "let go", "the same"])
def test_copies_of_several_states(how: str) -> None:
    """E109: a copy of each state, together or one after the other, is what is trained; two copies of
    the first state are not."""
    torch.manual_seed(0)
    model = _network()
    start = copy.deepcopy(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    kept = [copy.deepcopy(start).eval()]
    with watch() as watching:
        for _ in range(4):
            for part in torch.arange(200).split(20):
                optimizer.zero_grad()
                F.cross_entropy(model(X[part]), Y[part]).backward()
                optimizer.step()
            new = copy.deepcopy(start if how == "the same" else model).eval()
            with torch.no_grad():
                torch.stack([one(X[200:300]).softmax(1) for one in [*kept, new]]).mean(0)
            if how != "let go":
                kept.append(new)
    assert {f.code for f in watching.findings} == ({"E109"} if how == "the same" else set())


def test_statistics_are_measured_again_by_a_loader_of_their_own() -> None:
    """R103: BatchNorms that see training data in larger batches are not evaluated."""
    torch.manual_seed(0)
    rows = TensorDataset(torch.randn(160, 8), torch.randint(0, 2, (160,)))
    small, large = DataLoader(rows, batch_size=16, shuffle=True), DataLoader(rows, batch_size=80)
    net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    with watch() as watching:
        for _ in range(3):
            for x, y in small:
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
                optimizer.step()
            with torch.no_grad():
                for x, _ in large:
                    net(x)
    assert watching.faults == []
    assert [f for f in watching.findings if f.code == "R103"] == []
