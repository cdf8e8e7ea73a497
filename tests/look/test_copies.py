"""The order in which copies are shown."""

from __future__ import annotations

from lamplighter.data.example import Example
from lamplighter.look.copies import near_exhibits
from lamplighter.look.facts import Facts
from lamplighter.look.pictures import Picture


def test_one_picture_copied_often_does_not_fill_the_page():
    """The best pair of each group of copies stands before the second pair of any."""
    many = [Picture(Example(f"car{n}", "car"), "train", Facts()) for n in range(4)]
    two = [Picture(Example(f"frog{n}", "frog"), "train", Facts()) for n in range(2)]
    pairs = [
        (many[0], many[1], 0.99),
        (many[2], many[3], 0.98),
        (many[1], many[2], 0.97),
        (two[0], two[1], 0.9),
    ]
    (found,) = near_exhibits(pairs, [*many, *two], labelled=True, alike=False)
    assert [tuple(picture.key for picture in group) for group in found.groups] == [
        ("car0", "car1"),
        ("frog0", "frog1"),
        ("car2", "car3"),
        ("car1", "car2"),
    ]
    assert found.notes[1] == "agreement 0.90"
