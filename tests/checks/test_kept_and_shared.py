"""What is said of a best that is never set, and of groups that two optimizers share."""

from __future__ import annotations

from lamplighter.checks.keeping import best_is_forgotten, is_called_best
from lamplighter.checks.optimizer import groups_keep_settings


def test_best_that_stays_is_told_after_three_times() -> None:
    """E108 names the variable and its value."""
    assert [*best_is_forgotten("self.best", 1e9, 2)] == []
    (told,) = best_is_forgotten("self.best", 1e9, 3)
    assert (told.code, told.level) == ("E108", "error")
    assert told.message.startswith("3 times in a row the state of the network was kept for beating")
    assert "that is 1e+09 as before: the newest state replaces a better one" in told.message
    assert told.fix == "set self.best to the figure that beat it, where the state is kept"


def test_names_of_bests_and_of_bounds() -> None:
    """A minimum may be a bound that never changes."""
    assert is_called_best("self.best_val_loss")
    assert is_called_best("lowest")
    assert not is_called_best("min_accuracy")


def test_groups_with_settings_of_another_optimizer() -> None:
    """O112 says what was asked for and what is there."""
    (told,) = groups_keep_settings("lr", 0.2, 1e-4, where="SGD")
    assert (told.code, told.level, told.where) == ("O112", "error", "SGD")
    assert "built with lr=0.2, and its parameter groups hold lr=0.0001" in told.message
    assert told.fix == "make the list of groups anew for each optimizer"
