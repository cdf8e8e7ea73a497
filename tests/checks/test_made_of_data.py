"""Criteria over what was made of data: names, groups, mixtures, minima, edges, bytes."""

from __future__ import annotations

import numpy as np
import torch

from lamplighter.checks.edges import edges_known_beforehand
from lamplighter.checks.encoded import target_means_of_all
from lamplighter.checks.groups import group_on_both_sides
from lamplighter.checks.joined import joined_in_another_order
from lamplighter.checks.minima import minimum_of_the_left_out
from lamplighter.checks.mixing import Mixture, mixture_of, partners_differ
from lamplighter.checks.numbering import names_numbered_anew
from lamplighter.checks.pairs import sides_stay
from lamplighter.checks.reinforcement import number_for_value
from lamplighter.checks.unsigned import wraps_round

MADE = torch.Generator().manual_seed(0)


def test_what_is_said_of_a_minimum_over_zeros() -> None:
    """L123 counts what was left out; a zero that counts, or values below zero, are left alone."""
    values = torch.rand(8, 8, generator=MADE) + 0.5
    kept = (torch.arange(8)[:, None] % 2) != (torch.arange(8) % 2)
    (told,) = minimum_of_the_left_out(values, kept, 1)
    assert (told.code, told.level) == ("L123", "error")
    assert told.message.startswith(
        "all 8 minima are 0, because what does not count was set to zero"
    )
    assert "on average 4 of 8 values" in told.message
    assert 'masked_fill(mask, float("inf"))' in told.fix
    assert list(minimum_of_the_left_out(values - 1, kept, 1)) == []
    assert list(minimum_of_the_left_out(values * 0, kept, 1)) == []
    assert list(minimum_of_the_left_out(values, torch.ones(8, 8, dtype=torch.bool), 1)) == []


def test_what_is_said_of_the_number_of_an_action() -> None:
    """Q107 says what argmax gives."""
    (told,) = number_for_value()
    assert (told.code, told.level, told.where) == ("Q107", "error", "target")
    assert told.message.startswith("the target adds a discounted argmax to the reward")
    assert told.fix.startswith("take the value: .max(dim=1).values")


def test_what_is_said_of_names_beside_answers() -> None:
    """E110 knows answers as they are and as classes; other numbers are not its business."""
    logits = torch.randn(40, 3, generator=MADE)
    (told,) = joined_in_another_order(
        logits, logits.argmax(1).tolist(), name="rows", where="`test`"
    )
    assert (told.code, told.level, told.where) == ("E110", "error", "`test`")
    assert told.message.startswith("`rows` has the 40 answers beside names that no batch brought")
    assert told.fix.startswith("evaluate with shuffle=False")
    single = torch.randn(40, generator=MADE)
    assert list(joined_in_another_order(single, single.tolist(), name="rows", where="x"))
    assert list(joined_in_another_order(single, (single > 0).tolist(), name="rows", where="x"))
    assert not list(joined_in_another_order(single, [1.0] * 40, name="rows", where="x"))
    assert not list(joined_in_another_order(single, ["a", "b"] * 20, name="rows", where="x"))


def test_what_is_said_of_edges_that_are_known() -> None:
    """S103 reads a matrix and a list of edges; a graph without the pairs says nothing."""
    pairs = torch.combinations(torch.arange(12))
    truth = torch.arange(len(pairs)) % 2
    edges = pairs[truth == 1].T
    matrix = torch.zeros(12, 12)
    matrix[edges[0], edges[1]] = 1
    for graph in (matrix, edges):
        (told,) = edges_known_beforehand(graph, pairs, truth)
        assert (told.code, told.level) == ("S103", "error")
        assert "it joins the 33 held-out pairs that are edges and not the 33 others" in told.message
        assert told.fix.startswith("make the graph from the edges of train alone")
    assert list(edges_known_beforehand(torch.eye(12), pairs, truth)) == []
    assert list(edges_known_beforehand(edges[:, :5], pairs, truth)) == []


def test_what_is_said_of_numbers_that_wrap_round() -> None:
    """T109 shows one such number; arithmetic in another type, or by one, is left alone."""
    dark = np.arange(100, dtype=np.uint8).reshape(10, 10)
    bright = dark + np.uint8(20)
    (told,) = wraps_round("sub", dark, bright, where="`a - b`")
    assert (told.code, told.level, told.where) == ("T109", "warning", "`a - b`")
    assert told.message.startswith("100% of the numbers leave the range 0 to 255 of their type")
    assert told.message.endswith("such as 0 - 20 = 236")
    assert told.fix.startswith("convert before the arithmetic")
    assert [f.code for f in wraps_round("add", dark, 200, where="x")] == ["T109"]
    assert [f.code for f in wraps_round("mul", torch.from_numpy(dark), 4, where="x")] == ["T109"]
    assert list(wraps_round("sub", bright, dark, where="x")) == []
    assert list(wraps_round("sub", dark.astype(np.int16), bright, where="x")) == []
    assert list(wraps_round("sub", dark, 1, where="x")) == []
    assert list(wraps_round("sub", dark, 30.0, where="x")) == []


def test_what_is_said_of_names_that_are_numbered_anew() -> None:
    """T102 names one of them; tables that agree are silent."""
    train, other = {"a": 0, "b": 1, "c": 2}, {"b": 0, "c": 1}
    (told,) = names_numbered_anew(train, other)
    assert (told.code, told.level) == ("T102", "error")
    assert told.message == (
        "the names of a column are numbered anew here: 2 of the 2 that training knew have another "
        "number, such as 'b': 1 in training, 0 here"
    )
    assert told.fix.startswith("fit the encoder on train alone and call transform()")
    assert list(names_numbered_anew(train, {"a": 0, "b": 1})) == []


def test_what_is_said_of_means_over_all_targets() -> None:
    """S107 tells means over everything; those of train alone, and any other column, are silent."""
    shop = torch.randint(40, (300,), generator=MADE)
    goals = torch.rand(300, generator=MADE)
    everything = torch.stack([goals[shop == s].mean() for s in shop])
    known = torch.stack(
        [goals[:200][shop[:200] == s].mean() if (shop[:200] == s).any() else goals[0] for s in shop]
    )
    other = torch.randn(300, 3, generator=MADE)

    def told(column: torch.Tensor) -> list[str]:
        rows = torch.cat([other, column[:, None]], 1)
        return [
            f.message for f in target_means_of_all(rows[:200], goals[:200], rows[200:], goals[200:])
        ]

    (message,) = told(3 * everything + 1)
    assert message.startswith(
        "column 3 is the mean target of the rows that share its value, exactly"
    )
    assert "over 200 train and 100 held-out rows together" in message
    assert told(known) == []
    assert told(shop.float()) == []


def test_what_is_said_of_groups_on_both_sides() -> None:
    """S105 wants rows near their own group and one target for each; a target that is the group not."""
    group = torch.arange(20).repeat_interleave(10)
    rows = torch.randn(20, 8, generator=MADE)[group] + 0.1 * torch.randn(200, 8, generator=MADE)
    order = torch.randperm(200, generator=MADE)
    rows, group = rows[order], group[order]
    one, other = group[:140].tolist(), group[140:].tolist()

    def told(targets: torch.Tensor, theirs: list[int] = other) -> list[str]:
        return [
            f.message
            for f in group_on_both_sides(
                rows[:140], one, targets[:140], rows[140:], theirs, name="patient"
            )
        ]

    (message,) = told(group % 2)
    assert message.startswith("60 of 60 rows are of a group (`patient`) that was trained on")
    assert "every group has one target: 100% lie next to a row of their own group" in message
    assert told(group) == []
    assert told(torch.arange(200) % 2) == []
    assert told(group % 2, [value + 20 for value in other]) == []
    assert told(group % 2, other[::-1]) == []


def test_what_is_said_of_sides_that_stay() -> None:
    """Y109 tells a number that the two sides of a picture tell, where the picture alone is mirrored."""
    pictures = torch.rand(160, 1, 12, 12, generator=MADE)
    lean = (pictures[..., 6:] - pictures[..., :6]).mean((1, 2, 3))
    readings = [(pictures[0], lean[:1]), (pictures[0].flip(-1), lean[:1])]
    (told,) = sides_stay(readings, pictures, lean)
    assert (told.code, told.level) == ("Y109", "warning")
    assert "comes left and right exchanged and its target is the same both times" in told.message
    assert "tells number 0 of the target (correlation" in told.message
    assert told.fix.startswith("mirror the target with the picture: x becomes width − 1 − x")
    assert list(sides_stay(readings, pictures, pictures.mean((1, 2, 3)))) == []
    turned = [readings[0], (readings[1][0], -lean[:1])]
    assert list(sides_stay(turned, pictures, lean)) == []
    assert list(sides_stay([readings[0], readings[0]], pictures, lean)) == []


def test_what_is_said_of_mixed_targets() -> None:
    """Y114 tells other partners and exchanged shares; a mixture is solved for both."""
    own, hot = torch.randn(12, 5, generator=MADE), torch.eye(3)[torch.arange(12) % 3]
    partner, other = torch.arange(12).roll(1), torch.arange(12).roll(5)

    def mixed(x: torch.Tensor, order: torch.Tensor, share: float) -> Mixture:
        made = mixture_of(share * x + (1 - share) * x[order], x, x[order], order)
        assert made is not None
        return made

    inputs = mixed(own, partner, 0.3)
    assert torch.allclose(inputs.share, torch.full((12,), 0.3, dtype=torch.float64), atol=1e-4)
    assert mixture_of(own + 1, own, own[partner], partner) is None
    assert mixture_of(own, own, own[partner], partner) is None
    (strangers,) = partners_differ(inputs, mixed(hot, other, 0.3), hot)
    assert (strangers.code, strangers.level) == ("Y114", "error")
    assert strangers.message.startswith(
        "the inputs are mixed with those of other samples, and 12 of 12 targets with the target of"
    )
    assert strangers.fix.startswith("draw it once: partner = torch.randperm(len(x))")
    (exchanged,) = partners_differ(inputs, mixed(hot, partner, 0.7), hot)
    assert "keep 30% of the sample itself and the targets 70%" in exchanged.message
    assert exchanged.fix.startswith("give both the same share")
    assert list(partners_differ(inputs, mixed(hot, partner, 0.3), hot)) == []
    assert list(partners_differ(inputs, mixed(hot, partner, 0.5), hot)) == []
