"""Family E: what a reported figure should be, and what it is when it is divided wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, Level

SAME = 4e-6  # relative: what single precision may lose in a sum
_FIX_OF_SHARE = "count the right answers and the samples that were scored, and divide once"
_FIX_OF_LENGTH = "take the length of its labels: len(labels), or labels.size(0)"
_FIX_OF_LOSS = (
    "add loss.item() * len(batch) and divide by the number of samples, or divide the sum of means "
    "by the number of batches"
)
CLOSE = 0.05  # by which the lengths of two loaders must differ
_BEFORE_ACCUMULATION = "report the loss as it was before it was divided for the accumulation"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another loader of the program."""

    name: str
    samples: int
    batches: int


@dataclass
class Counted:
    """One walk over data, as its batches were scored.

    Args:
        right: right answers per batch.
        sizes: answers per batch.
        losses: mean losses per batch.
        rows: samples per batch of those.
        length: samples of the whole data set; 0 where unknown, or as many as were seen.
        batches: batches of a whole walk; 0 where unknown.
        given: batches of this walk, once it is over; else 0.
        every: backward passes for each step, where it accumulates gradients.
        answered: samples that networks answered, whether they were compared or not.
        parts: what `len(batch)` gives where a batch is a tuple, as (inputs, labels) is 2; else 0.
        shortened: whether it was ended here before its end, of which the program knows nothing.
        sums: summed losses per batch, of a loss with `reduction="sum"`.
        summed: samples per batch of those.
        elsewhere: other loaders of the program.
        unknown: labels per batch that are negative, as no class is: places that are filled up.
    """

    right: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    length: int = 0
    batches: int = 0
    given: int = 0
    every: int = 1
    parts: int = 0
    answered: int = 0
    shortened: bool = False
    sums: list[float] = field(default_factory=list)
    summed: list[int] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    def weighed(self) -> float:
        """The sum of its mean losses, each times its samples; 0 where these are not known of all."""
        if len(self.losses) != len(self.rows):
            return 0.0
        return sum(v * n for v, n in zip(self.losses, self.rows, strict=True))

    def shares(self) -> list[float]:
        """The share of right answers of each batch."""
        return [k / n for k, n in zip(self.right, self.scored(), strict=True) if n]

    def scored(self) -> list[int]:
        """Answers per batch that have a label."""
        if len(self.unknown) != len(self.sizes):
            return self.sizes
        return [n - k for n, k in zip(self.sizes, self.unknown, strict=True)]

    def own(self) -> set[int]:
        """Every number that it may rightly be divided by."""
        parts = (self.sizes, self.rows)
        known = {self.length, self.batches, self.answered}
        known |= {*(sum(p) for p in parts), *(len(p) for p in parts)}
        return known - {0}

    def is_whole(self) -> bool:
        """Whether every batch of a loader was given and scored: then its number is what the program
        divides by, and else it may rightly divide what it has by a number that is larger."""
        return not self.shortened and self.batches in (0, self.given)

    def may_be_all(self, size: int) -> bool:
        """Whether a walk that was ended here would have scored about so many by its end."""
        if not self.shortened or not self.sizes:
            return False
        fewest, most = min(self.sizes), max(self.sizes)
        return (self.batches - 1) * fewest < size <= self.batches * most


@dataclass(frozen=True)
class Wrong:
    """A figure as a mistake makes it.

    Args:
        value: what it then is.
        actual: what it should be.
        how: the mistake, after "is".
        loss: whether it is a loss, not a share of right answers.
        fix: what to do; empty: what mends most of them.
        level: where the mistake is less grave than the catalogue says.
        divisor: what it was divided by, where that is a length of something else; else 0.
        filled: whether places that are filled up were counted.
    """

    value: float
    actual: float
    how: str
    loss: bool = False
    fix: str = ""
    level: Level | None = None
    divisor: int = 0
    filled: bool = False

    @property
    def kind(self) -> str:
        """The mistake without its numbers, by which it is known again at another walk."""
        return self.how.partition("(")[0][:40]

    def mended(self) -> str:
        """What to do about it."""
        return self.fix or (_FIX_OF_LOSS if self.loss else _FIX_OF_SHARE)


def right_values(counted: Counted) -> list[float]:
    """What the share of right answers may rightly be reported as."""
    if not counted.sizes:
        return []
    total = sum(counted.right)
    shares = counted.shares()
    values = [total / max(1, sum(counted.scored())), sum(shares) / max(1, len(shares))]
    if counted.length:
        values.append(total / counted.length)
    if counted.batches:
        values.append(sum(shares) / counted.batches)
    return values


def right_losses(counted: Counted) -> list[float]:
    """What the losses of a walk may rightly be reported as; by the lengths of the whole data, too,
    which a program divides by though its walk was ended here before its end."""
    if not counted.losses:
        return []
    total = sum(counted.losses)
    weighed = counted.weighed()
    values = [total, weighed, total / len(counted.losses), weighed / max(1, sum(counted.rows))]
    if counted.batches:
        values.append(total / counted.batches)
    if counted.length:
        values.append(weighed / counted.length)
    return values


def wrong_values(counted: Counted, others: Sequence[int]) -> Iterator[Wrong]:
    """What the figures of a walk become by the usual mistakes.

    Args:
        counted: the walk.
        others: lengths of other things that the program has.
    """
    if counted.shortened and not counted.batches:
        return  # nobody knows by what the program divides rightly
    own = counted.own()
    if counted.sizes and sum(counted.right):
        left = [m for m in others if m not in own and not counted.may_be_all(m)]
        yield from _wrong_shares(counted, left)
    if len(counted.losses) > 0 and sum(counted.losses) > 0:
        right = right_losses(counted)
        for wrong in _wrong_losses(counted):
            if all(abs(wrong.value - v) > SAME * abs(v) for v in right):
                yield wrong
    if counted.elsewhere:
        yield from _over_anothers_length(counted)


def _wrong_shares(counted: Counted, others: Sequence[int]) -> Iterator[Wrong]:
    total, count = sum(counted.right), sum(counted.sizes)
    known = sum(counted.scored())
    actual, batches = total / max(1, known), len(counted.sizes)
    shares = sum(counted.shares())
    if 0 < known < 0.99 * count:
        how = (
            f"the number of right answers, divided by all {count} places: {count - known} of them are "
            "filled up, with a negative label, and can never be right"
        )
        fix = "divide by the labels that are none of these: (labels >= 0).sum()"
        yield Wrong(total / count, actual, how, fix=fix, filled=True)
    equal = {count, counted.length} - {0}
    if count > batches:
        for size in equal:
            how = f"the sum of the batches' accuracies, divided by the number of samples ({size})"
            yield Wrong(shares / size, actual, how)
        for size in {batches, counted.batches} - {0}:
            if batches > 1:
                how = f"the number of right answers, divided by the number of batches ({size})"
                yield Wrong(total / size, actual, how)
    if batches > 1 and counted.given == batches and counted.is_whole():
        yield with_one_more(counted.shares(), counted, loss=False)
        how = f"what was right in the last of {batches} batches alone, divided by all {count}"
        fix = "add the right answers of every batch, `right += …`, and divide once"
        yield Wrong(counted.right[-1] / count, actual, how, fix=fix)
    if counted.parts > 1 and counted.parts not in counted.sizes:
        how = (
            f"the number of right answers, divided by {batches * counted.parts}: len() of a batch "
            f"that is a tuple of {counted.parts} counts these, and not the samples"
        )
        yield Wrong(total / (batches * counted.parts), actual, how, fix=_FIX_OF_LENGTH)
    full = batches * counted.sizes[0]
    if count < full and len(set(counted.sizes[:-1])) == 1 and full not in others:
        how = (
            f"the number of right answers, divided by {full}: {batches} batches times the size of "
            "the first, and the last is smaller"
        )
        yield Wrong(total / full, actual, how)
    for size in others:
        # more right answers than there are of something is no share: so many each
        if total <= size > 1 and abs(total / size - actual) > 1e-6 * actual:
            yield Wrong(total / size, actual, f"the number of right answers, divided by {size}")


def _wrong_losses(counted: Counted) -> Iterator[Wrong]:
    total, count, batches = sum(counted.losses), sum(counted.rows), len(counted.losses)
    weighed = counted.weighed()
    if count <= batches or weighed == 0:
        return
    actual = weighed / count
    for size in {count, counted.length} - {0}:
        how = (
            f"the sum of {batches} mean losses, divided by the number of samples ({size}): each is "
            "a mean already"
        )
        yield Wrong(total / size, actual, how, loss=True)
    if counted.parts > 1 and counted.parts not in counted.rows:
        how = (
            f"the sum of mean losses, each times {counted.parts}, divided by the number of samples "
            f"({count}): len() of a batch that is a tuple of {counted.parts} counts these"
        )
        yield Wrong(counted.parts * total / count, actual, how, loss=True, fix=_FIX_OF_LENGTH)
    if batches > 1 and counted.given == batches and counted.is_whole():
        yield with_one_more(counted.losses, counted, loss=True)
    if counted.every > 1 and batches > 1:
        how = (
            f"the mean of losses that had been divided by {counted.every} for the accumulation of "
            "gradients"
        )
        for mean in {actual, total / batches}:
            value, fix = mean / counted.every, _BEFORE_ACCUMULATION
            yield Wrong(value, actual, how, loss=True, fix=fix, level="warning")


def _over_anothers_length(counted: Counted) -> Iterator[Wrong]:
    """The losses of a walk, divided by how much another loader holds."""
    batches = {len(counted.losses), counted.batches} - {0}
    samples = {sum(counted.rows), sum(counted.summed), counted.length} - {0}
    rows, summed = sum(counted.rows), sum(counted.summed)
    kinds = [
        ("the sum of mean losses", sum(counted.losses), len(counted.losses), batches, "batches"),
        ("the sum of summed losses", sum(counted.sums), summed, samples, "samples"),
        ("the sum of losses, each times its samples", counted.weighed(), rows, samples, "samples"),
    ]
    for what, total, count, own, unit in kinds:
        for other in counted.elsewhere if count and total else ():
            size = other.batches if unit == "batches" else other.samples
            # so near to its own length that a right figure may look alike
            if size < 2 or any(abs(size / mine - 1) < CLOSE for mine in own):
                continue
            how = f"{what}, divided by the number of {unit} of {other.name} ({size})"
            fix = f"divide by the {unit} of the loader that the losses came from"
            yield Wrong(total / size, total / count, how, loss=True, fix=fix, divisor=size)


def with_one_more(values: Sequence[float], counted: Counted, *, loss: bool) -> Wrong:
    """The mean over the figures of a walk's batches and one more, a 0.

    Args:
        values: of each batch, its share of right answers or its mean loss.
        counted: the walk.
        loss: which of the two it is.
    """
    actual = sum(values) / len(values)
    if not loss:
        actual = sum(counted.right) / sum(counted.sizes)
    how = (
        f"the mean over {len(values)} batches and one more value, a 0: a list that begins with it, "
        "or a count that begins at 1"
    )
    fix = "begin with an empty list, and divide by the number of batches"
    return Wrong(sum(values) / (len(values) + 1), actual, how, loss, fix)


def loss_of_cycle(losses: Sequence[float]) -> Wrong:
    """The mean loss of one step's micro-batches, divided by their number a second time.

    Args:
        losses: mean losses of the micro-batches between two steps.
    """
    count, mean = len(losses), sum(losses) / len(losses)
    how = f"the mean over the {count} micro-batches of a step, divided by {count} once more"
    return Wrong(mean / count, mean, how, loss=True, fix=_BEFORE_ACCUMULATION)


def figure_is_wrong(name: str, wrong: Wrong, counted: Counted) -> Iterator[Finding]:
    """E101: a figure has exactly the value that a mistake gives it.

    Args:
        name: of the figure.
        wrong: the mistake.
        counted: what was seen.
    """
    count = sum((counted.rows or counted.summed) if wrong.loss else counted.sizes)
    right = f"{sum(counted.right)} right of " if not wrong.loss else ""
    yield found(
        "E101",
        name,
        f"reported {wrong.value:.4g}, actual {wrong.actual:.4g} ({right}n = {count}): it is "
        f"{wrong.how}",
        wrong.mended(),
        level=wrong.level,
    )
