"""The round in evaluation mode: answers to inputs that were changed on purpose."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lamplighter.checks import behaviour, evaluation, loss, positions
from lamplighter.checks.batches import Batch, has_certain_batches, tensors_in
from lamplighter.checks.copying import by_places
from lamplighter.checks.finding import Finding, Level
from lamplighter.checks.guess import answer_in
from lamplighter.checks.probe import Evidence, Prober
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import copied, seed_all

ROWS = 8
LITTLE = 1e-5  # of an answer in double precision; some divide by a sum and 1e-8


def look_at_answers(setup: Setup) -> Iterator[Finding]:
    """Dropout at evaluation, samples that mix, answers that are always the same."""
    prober, evidence = setup.prober, setup.evidence
    if prober is None or evidence is None:
        return
    batch = prober.cut(evidence.batch, ROWS)
    with torch.no_grad(), behaviour.DropoutsSeen(prober.model) as dropouts:
        first = answer_to(prober, batch, seed=0)
        second = answer_to(prober, batch, seed=1)
    if first is None or second is None:
        return
    differs = behaviour.differ(first, second)
    yield from behaviour.dropout_at_evaluation(dropouts.active, differs)
    if differs:
        with torch.no_grad():
            again = answer_to(prober, batch, seed=0)
        if again is None or behaviour.differ(first, again):
            return  # it carries state from pass to pass: nothing can be read off two passes
    if not prober.takes_fewer and has_certain_batches(setup.data):
        samples = 0 if batch.first is None else batch.first.shape[0]
        yield from behaviour.one_batch_size(samples)
    yield from _look_for_mixing(setup, batch, first, steady=not differs)
    yield from _look_at_future(setup, batch)


def look_at_likeness(setup: Setup) -> Iterator[Finding]:
    """Whether different inputs get one answer, in training mode and again after the probe steps.

    Before the steps they may: a head that begins at zero answers its bias. In evaluation mode alone
    they may too: running statistics that have learnt little can make a deep network's signal vanish.
    """
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or evidence.steps < 3:
        return
    batch = prober.cut(evidence.batch, ROWS)
    inputs = batch.first
    if inputs is None or not inputs.dim() or bool((inputs == inputs[:1]).all()):
        return
    first = evidence.answer
    if first is None or not any(True for _ in evaluation.answers_ignore_inputs(first)):
        return
    with torch.no_grad():
        answer = answer_to(prober, batch, seed=0)
    if answer is not None:
        yield from evaluation.answers_ignore_inputs(answer)


def look_at_reduction(setup: Setup) -> Iterator[Finding]:
    """Whether the loss of a batch laid twice is twice the loss."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or len(evidence.calls) != 1:
        return
    call = evidence.calls[0]
    total = evidence.loss
    if call.options.get("reduction") != "sum" or call.value is None or total is None:
        return
    if float(call.value.detach()) != float(total.detach()):
        return  # a sum with further terms, such as an ELBO, is meant so
    batch = prober.cut(evidence.batch, 4)
    if not isinstance(batch.inputs, Tensor) or not isinstance(batch.targets, Tensor):
        return
    double = Batch(torch.cat([batch.inputs] * 2), torch.cat([batch.targets] * 2))
    values = []
    with torch.no_grad():
        for part in (batch, double):
            seed_all(0)
            value = prober.compute_loss(_full_answer(prober, part), part)
            values.append(0.0 if value is None else float(value))
    yield from loss.loss_grows_with_batch(values[0], values[1], reduction="sum", where=call.name)


def answer_to(prober: Prober, batch: Batch, *, seed: int) -> Tensor | None:
    """The prediction in evaluation mode, under a seed."""
    seed_all(seed)
    return answer_in(_full_answer(prober, batch))


def _full_answer(prober: Prober, batch: Batch) -> object:
    modes = [(m, m.training) for m in prober.model.modules()]
    prober.model.eval()
    try:
        return prober.answer(batch)
    finally:
        for module, training in modes:
            module.training = training


def _look_for_mixing(
    setup: Setup, batch: Batch, first: Tensor, *, steady: bool
) -> Iterator[Finding]:
    prober, inputs = setup.prober, batch.first
    certain = has_certain_batches(setup.data)
    if prober is None or inputs is None or inputs.dim() < 1 or inputs.shape[0] < 3:
        return
    if not certain and not _rows_are_samples(setup, batch):
        return
    count = inputs.shape[0]
    if certain and first.shape[:1] != (count,) and first.dim():
        yield from behaviour.batch_dimension_lost(count, first)
        return
    changed = inputs.clone()
    changed[0] = inputs[-1].flip(-1) if inputs.dim() > 1 else inputs[-1]
    with torch.no_grad():
        after = answer_to(prober, batch.with_tensor(0, changed), seed=0)
    if after is None or first.shape[:1] != (count,):
        return
    if first.dim() > 1 and first.shape[1] == count and after.shape == first.shape:
        after = after.clone()
        after[:, 0] = first[:, 0]  # a table of every sample against every other
    level: Level = "error" if certain else "warning"
    mixed = list(behaviour.samples_mix(first, after, changed=0, level=level))
    if (
        not mixed
        and steady
        and first.shape == after.shape
        and not torch.equal(first[1:], after[1:])
    ):
        mixed = list(_mixing_in_double(setup.model, batch, changed, level))
    if mixed and behaviour.rows_moved(first, after) == 1 and _tells_its_order(prober, batch, count):
        return
    yield from mixed
    if certain and steady and not mixed and not _tells_its_order(prober, batch, count):
        yield from _look_at_places(prober, batch, first)


def _mixing_in_double(
    model: nn.Module, batch: Batch, changed: Tensor, level: Level
) -> Iterator[Finding]:
    """The same asked of a copy in double precision, where little is not rounding."""
    try:
        double = copied(model, model).double().eval()
        answers = []
        for one in (batch, batch.with_tensor(0, changed)):
            inputs = [t.double() if t.is_floating_point() else t for t in tensors_in(one.inputs)]
            for number, tensor in enumerate(inputs):
                one = one.with_tensor(number, tensor)
            seed_all(0)
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answers.append(answer_in(one.into(double)))
    except (RuntimeError, TypeError, ValueError):
        return  # it is made for one precision
    first, after = answers
    if first is None or after is None or first.dtype != torch.double:
        return
    yield from behaviour.samples_mix(first, after, changed=0, level=level, rounding=LITTLE)


def _tells_its_order(prober: Prober, batch: Batch, count: int) -> bool:
    """Whether the samples come back in another order, with what was given in that order, or it.

    Whoever packs sequences sorts them, and may hand back the labels with the answers.
    """
    with torch.no_grad():
        output = _full_answer(prober, batch)
    numbers = [t for t in tensors_in(output) if t.dim() and not t.is_floating_point()]
    given = [torch.arange(count), *tensors_in(batch.inputs)]
    return any(
        one.shape == other.shape and torch.equal(one.sort(0).values, other.to(one).sort(0).values)
        for one in numbers
        for other in given
        if len(one) == count
    )


def _look_at_places(prober: Prober, batch: Batch, first: Tensor) -> Iterator[Finding]:
    """Whether samples keep their answers when they change places within the batch."""
    count = len(first)
    whole = list(tensors_in(batch.inputs))
    if any(t.dim() < 1 or len(t) != count for t in whole) or not isinstance(
        batch.inputs, Tensor | tuple
    ):
        return
    if first.dim() > 1 and first.shape[1] == count:
        return  # a table of every sample against every other
    given = batch.inputs if isinstance(batch.inputs, tuple) else (batch.inputs,)
    turned = tuple(t.flip(0) if isinstance(t, Tensor) else t for t in given)
    with torch.no_grad():
        inputs = turned if isinstance(batch.inputs, tuple) else turned[0]
        after = answer_to(prober, Batch(inputs, batch.targets), seed=0)
    if after is not None:
        yield from positions.place_in_batch(first, after)


def look_at_order(setup: Setup) -> Iterator[Finding]:
    """Whether the order of the tokens counts for a network that has a table of positions."""
    prober, evidence = setup.prober, setup.evidence
    if prober is None or evidence is None or evidence.steps < 3:
        return
    batch = prober.cut(evidence.batch, ROWS)
    if isinstance(batch.inputs, Tensor):
        yield from positions.order_unseen(setup.model, batch.inputs)


def _rows_are_samples(setup: Setup, batch: Batch) -> bool:
    """Whether dimension 0 of hand-made batches is plainly the samples, and not time or nodes."""
    inputs, targets = batch.first, batch.targets
    if inputs is None or inputs.dim() < 2 or not isinstance(targets, Tensor):
        return False
    sequential = (nn.RNNBase, nn.MultiheadAttention, nn.Transformer)
    if any(isinstance(m, sequential) for m in setup.model.modules()) and inputs.dim() < 3:
        return False
    if not isinstance(setup.data, list | tuple) or len(setup.data) < 2:
        return False
    return targets.dim() == 1 and targets.shape[0] == inputs.shape[0]


def _look_at_future(setup: Setup, batch: Batch) -> Iterator[Finding]:
    """Each input of words or of a series that the loss asks to go on with, as a decoder is given."""
    prober, evidence = setup.prober, setup.evidence
    if prober is None or evidence is None:
        return
    whole = list(tensors_in(evidence.batch.inputs))
    for number, rows in enumerate(tensors_in(batch.inputs)):
        changed = _with_another_end(rows, whole[number], evidence)
        if changed is None:
            continue
        count, length = rows.shape[:2]
        with torch.no_grad():
            before = answer_to(prober, batch, seed=0)
            after = answer_to(prober, batch.with_tensor(number, changed), seed=0)
        before, after = by_places(before, count, length), by_places(after, count, length)
        if before is not None and after is not None:
            yield from behaviour.future_leaks(before, after, position=length - 1)


def _with_another_end(rows: Tensor, whole: Tensor, evidence: Evidence) -> Tensor | None:
    """The rows with their last place altered, or None where no answer is to be the next place."""
    if rows.dim() not in (2, 3) or rows.shape[1] < 4:
        return None
    changed = rows.clone()
    if rows.is_floating_point():
        if not _asks_for_next_figures(evidence, whole):
            return None
        changed[:, -1] = rows[:, -1].roll(1, 0) + rows.std()
        return changed
    if rows.dim() != 2 or not _asks_for_next(evidence, whole):
        return None
    pool = torch.unique(rows)
    if len(pool) < 2:
        return None
    place = torch.searchsorted(pool, rows[:, -1].contiguous())
    changed[:, -1] = pool[(place + 1) % len(pool)]
    return changed


def _asks_for_next(evidence: Evidence, rows: Tensor) -> bool:
    """Whether what enters cross entropy is the token after each of these tokens."""
    for call in evidence.calls:
        if call.name not in ("cross_entropy", "nll_loss"):
            continue
        if call.target.is_floating_point() or call.target.numel() % rows.shape[0]:
            continue
        aimed = call.target.reshape(rows.shape[0], -1)
        width = min(aimed.shape[1], rows.shape[1] - 1)
        if width < 3 or width < rows.shape[1] - 2:
            continue
        counted = aimed[:, :width] != call.ignore_index
        if int(counted.sum()) < 16:
            continue
        same = (aimed[:, :width] == rows[:, 1 : width + 1])[counted].float().mean()
        if float(same) > 0.98 and len(torch.unique(rows)) > 2:
            return True
    return False


def _asks_for_next_figures(evidence: Evidence, rows: Tensor) -> bool:
    """Whether what is compared is, at each place of this series, its value at the next place."""
    for call in evidence.calls:
        if call.name not in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            continue
        if call.target.numel() == rows.numel():
            aimed = call.target.reshape(rows.shape)
            if torch.equal(aimed[:, :-1], rows[:, 1:]) and not torch.equal(aimed, rows):
                return True
    return False
