"""What is computed from rewards, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.checks.reinforcement import (
    future_past_the_end,
    kind_of_returns,
    returns_of_the_past,
    sums_backward,
    sums_forward,
    target_never_follows,
)

REWARDS = [0.0, 1.0, -0.5, 0.0, 2.0, 0.3]


def test_discounted_sums_of_both_directions() -> None:
    """Forward counts a reward and those after it, backward those before it."""
    assert sums_forward([1.0, 0.0, 2.0], 0.5).tolist() == [1.5, 1.0, 2.0]
    assert sums_backward([1.0, 0.0, 2.0], 0.5).tolist() == [1.0, 0.5, 2.25]


@pytest.mark.parametrize("scale", [(1.0, 0.0), (0.3, -2.0)])
def test_returns_are_known_at_any_scale(scale: tuple[float, float]) -> None:
    """A baseline or a standardised return is the same kind of return."""
    factor, offset = scale
    ahead, behind = sums_forward(REWARDS, 0.9), sums_backward(REWARDS, 0.9)
    for sums, kind in ((ahead, "right"), (behind, "past"), (np.roll(ahead, 2), "turned")):
        used = factor * sums + offset
        assert kind_of_returns(used, [REWARDS], [1.0, 0.9], in_order=False) == kind


def test_a_whole_list_turned_round_needs_the_order_of_the_actions() -> None:
    """Actions may be kept from the last to the first as well."""
    reverse = sums_forward(REWARDS, 0.9)[::-1]
    assert kind_of_returns(reverse, [REWARDS], [0.9], in_order=False) == ""
    assert kind_of_returns(reverse, [REWARDS], [0.9], in_order=True) == "turned"


def test_rewards_that_are_not_summed() -> None:
    """Each reward times its discount; without any discount nothing may come after an action."""
    single = 0.9 ** np.arange(6) * np.array(REWARDS)
    assert kind_of_returns(2 * single - 1, [REWARDS], [1.0, 0.9], in_order=False) == "alone"
    assert kind_of_returns(np.array(REWARDS), [REWARDS], [1.0, 0.9], in_order=False) == ""
    (told,) = returns_of_the_past("alone", 12, 3)
    assert "one reward times its discount" in told.message


def test_equal_rewards_without_discount_say_nothing_wrong() -> None:
    """The sums to come fall as those behind rise."""
    ones = [1.0] * 6
    assert kind_of_returns(sums_forward(ones, 1.0), [ones], [1.0], in_order=True) == "right"
    assert kind_of_returns(np.arange(6) ** 2.0, [ones], [1.0], in_order=True) == ""


def test_what_is_said_of_returns() -> None:
    """Q103 says which sums they are."""
    (past,) = returns_of_the_past("past", 12, 3)
    assert (past.code, past.level, past.where) == ("Q103", "warning", "returns")
    assert past.message == (
        "12 returns weigh the actions, and each is the discounted sum of the rewards up to its "
        "action, not of those after it (3 updates in a row)"
    )
    assert past.fix.endswith("from the last to the first: R = r + gamma * R")
    (turned,) = returns_of_the_past("turned", 12, 3)
    assert "the right discounted sums, at other actions than those they belong to" in turned.message
    assert turned.fix.startswith("turn the list round once, after the loop")


def test_what_is_said_of_a_future_after_the_end() -> None:
    """Q101 names the variable that nobody asks."""
    (told,) = future_past_the_end("done", 32, 4, 0.9)
    assert (told.code, told.level) == ("Q101", "warning")
    assert told.message == (
        "the target is the reward and 0.9 times the value of what comes next, also for the 4 of 32 "
        "transitions at which `done` says that the episode is over"
    )
    assert told.fix == "leave the value away there: reward + gamma * next_value * (1 - done)"


def test_what_is_said_of_a_target_network() -> None:
    """Q102 names both networks."""
    (told,) = target_never_follows("slow", "net", 400)
    assert (told.code, told.level, told.where) == ("Q102", "warning", "`slow`")
    assert told.message.startswith(
        "it gives the values of the targets and has not changed in 400 steps of `net`"
    )
    assert told.fix == "copy the weights every so often: slow.load_state_dict(net.state_dict())"
