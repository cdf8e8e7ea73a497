"""Objects that a program makes anew take the address of those that it let go."""

from __future__ import annotations

from lamplighter.watch.identity import Numbers


class Thing:
    """What can be referred to weakly."""


def test_what_lies_at_the_address_of_another_has_a_number_of_its_own() -> None:
    """A loader made anew for each epoch is not the one that was trained on before."""
    numbers, known, addresses, reused = Numbers(), set(), set(), 0
    for _ in range(50):
        thing = Thing()
        number = numbers.of(thing)
        assert numbers.of(thing) == number
        assert number not in known
        reused += id(thing) in addresses
        known.add(number)
        addresses.add(id(thing))
        del thing
    assert reused


def test_a_list_goes_by_its_address() -> None:
    """There are no weak references to lists, and data sets may be lists."""
    numbers, one, other = Numbers(), [1], [1]
    assert numbers.of(one) == numbers.of(one) != numbers.of(other)
    assert numbers.of(None) == numbers.of(None)
