"""The round of probe steps: what enters the loss, gradients, and how far weights move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.checks import (
    data,
    gradients,
    initialise,
    loading,
    loss,
    optimizer,
    precision,
    pretrained,
    structure,
    transforms,
)
from lamplighter.checks.batches import Batch
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.losses_seen import AMOUNTS, ELEMENTWISE, LossCall
from lamplighter.checks.probe import (
    STEPS,
    Evidence,
    Prober,
    ProbeStopped,
    largest_relative_move,
)
from lamplighter.checks.refused import fix_for_loss, fix_for_network
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import seed_all


def try_steps(setup: Setup) -> None:
    """Runs the probe and leaves its evidence in the set-up."""
    assert setup.prober is not None
    if not setup.batches:
        return
    lbfgs = any(isinstance(o, torch.optim.LBFGS) for o in setup.optimizers)
    steps = (2 if lbfgs else STEPS) if setup.thorough else 1
    try:
        setup.evidence = setup.prober.run(setup.batches, steps, step=setup.thorough)
    except ProbeStopped as stopped:
        setup.stopped = stopped


def look_at_failure(setup: Setup) -> Iterator[Finding]:
    """The user's own code raised while it was tried."""
    if setup.stopped is None or setup.prober is None:
        return
    for name, ids, rows in setup.prober.forward.embedded:
        beyond = list(transforms.ids_beyond_embedding(ids, rows, where=name))
        if beyond:
            yield from beyond
            return
    part, error = setup.stopped.part, setup.stopped.error
    told = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
    if part == "model":
        first = setup.batches[0].first
        shape = "a batch" if first is None else f"a batch of {tuple(first.shape)} {first.dtype}"
        where = setup.prober.forward.entered or "model"
        yield found("M118", where, f"{shape} does not go through: {told}", fix_for_network(error))
    else:
        targets = setup.batches[0].targets if setup.batches else None
        yield found("L113", part, f"{told}", fix_for_loss(error, targets))


def look_at_loss(setup: Setup) -> Iterator[Finding]:
    """Every call of a loss function of PyTorch at the first probe step."""
    evidence = setup.evidence
    if evidence is None:
        return
    trainable = sum(p.requires_grad for p in setup.model.parameters())
    if evidence.loss is not None:
        yield from loss.loss_cut_from_model(evidence.loss, trainable=trainable)
    later = dict(enumerate(evidence.later_calls))
    for index, call in enumerate(evidence.calls):
        if call.input.numel() and call.target.numel():
            tied = structure.output_is_tied(setup.model)
            yield from look_at_call(call, again=later.get(index), tied=tied)
    if len(evidence.calls) == 1:  # beside a loss of classes, amounts are another task's
        yield from _look_for_class_numbers(setup, evidence.calls[0], evidence.batch.targets)


def _look_for_class_numbers(setup: Setup, call: LossCall, given: Any) -> Iterator[Finding]:
    """A loss of amounts whose target is the data set's own whole numbers, made into floats."""
    if call.name not in AMOUNTS or setup.task == "regression" or setup.labels is None:
        return
    if not isinstance(given, Tensor) or given.is_floating_point():
        return
    if torch.equal(call.target.detach().flatten().float(), given.flatten().float()):
        yield from loss.amounts_of_class_numbers(torch.tensor(setup.labels), where=call.name)


def look_at_call(
    call: LossCall, *, again: LossCall | None = None, tied: bool = False
) -> Iterator[Finding]:
    """All criteria on what enters one loss function.

    Args:
        call: the call.
        again: the same call after some steps; a squashing must be seen there too.
        tied: whether the output layer is an embedding as well.
    """
    yield from loss.loss_and_target_unfit(call.name, call.input, call.target)
    if call.name in ELEMENTWISE or call.name == "subtraction":
        yield from loss.shapes_broadcast(call.input, call.target, where=call.name)
    if call.value is not None and call.value.numel() == 1:
        yield from loss.impossible_sign(float(call.value.detach()), call.target, name=call.name)
    if call.name == "cross_entropy":
        first = list(loss.softmax_before_cross_entropy(call.input))
        yield from first or loss.softmax_over_wrong_dimension(call.input)
        if again is None or any(True for _ in loss.sigmoid_before_cross_entropy(_more(again))):
            yield from loss.sigmoid_before_cross_entropy(call.input)
        yield from loss.relu_on_logits(call.input)
        yield from initialise.first_loss_too_high(
            call.input, call.target, ignore_index=call.ignore_index, tied=tied
        )
    elif call.name == "nll_loss":
        yield from loss.softmax_over_wrong_dimension(call.input, logarithms=True, where="nll_loss")
        yield from loss.nll_on_logits(call.input)
    elif call.name == "binary_cross_entropy_with_logits":
        if again is None or any(True for _ in loss.sigmoid_twice(_more(again))):
            yield from loss.sigmoid_twice(call.input)
    elif call.name == "kl_div":
        log_target = bool(call.options.get("log_target", False))
        yield from loss.kl_without_log(call.input, call.target, log_target=log_target)


def look_at_forward(setup: Setup) -> Iterator[Finding]:
    """Ranges inside the network at the first step."""
    evidence = setup.evidence
    if evidence is None:
        return
    record = evidence.forward
    inputs = evidence.batch.first
    finite_in = (
        inputs is None or not inputs.is_floating_point() or bool(torch.isfinite(inputs).all())
    )
    if record.first_input is not None and finite_in:
        received = _without_channels_last(record.first_input)
        known = data.not_normalised(received, absorbed=record.absorbed, where="inputs")
        raw = [] if record.standardised else list(known)
        yield from raw or _against_pretrained(setup, evidence)
    if finite_in:
        yield from _look_for_non_finite(evidence)
    last = evidence.answer
    for name, kind, outputs in record.squashed:
        if last is None or outputs.data_ptr() != last.data_ptr():
            yield from initialise.saturated(name or kind, kind, outputs)
    yield from structure.frozen_norm_learns(setup.model, record.norms_moved)


def _against_pretrained(setup: Setup, evidence: Evidence) -> Iterator[Finding]:
    """Pictures that enter the first layer as they were read, while its weights are torchvision's."""
    record, pictures = evidence.forward, evidence.batch.first
    entered = record.first_input
    layer = setup.model.get_submodule(record.first_layer)
    if not isinstance(layer, nn.Conv2d) or layer.in_channels != 3 or entered is None:
        return
    assert setup.prober is not None
    if pictures is None or pictures.shape != entered.shape or not torch.equal(pictures, entered):
        return
    wanted = pretrained.cached_weights(setup.model, setup.prober.snapshot.before(layer.weight))
    if wanted is not None:
        scales = pretrained.normalisations(setup.train_set)
        yield from pretrained.not_as_wanted(entered, wanted, scales, where="inputs")


def look_at_gradients(setup: Setup) -> Iterator[Finding]:
    """Who got a gradient in the probe steps, and who did not."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or not evidence.losses or evidence.loss is None:
        return
    if evidence.loss.grad_fn is None:  # L108 has told it
        return
    names = gradients.without_gradient(evidence.gradients)
    by_call = [n for n in names if _owner(n) in evidence.called]
    influence = {n: _moves_loss(prober, prober.cut(evidence.batch, 8), n) for n in by_call[:8]}
    uncalled = [n for n in names if n not in by_call]
    influence |= {
        n: True for n in uncalled[:8] if _moves_loss(prober, prober.cut(evidence.batch, 8), n)
    }
    tested = [n for n in names if n in influence]
    yield from gradients.graph_cut(tested, influence=influence, owners_called=evidence.called)
    idle = [n for n in uncalled if not influence.get(n)]
    yield from gradients.never_called(_outermost(setup.model, idle, evidence.called))
    weights = {n for n, p in prober.named.items() if p.dim() > 1}
    yield from gradients.gradient_is_zero(
        evidence.gradients, dead=evidence.dead, losses=evidence.losses, weights=weights
    )


def look_at_units(setup: Setup) -> Iterator[Finding]:
    """Layers whose units are all the same."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or evidence.steps < 3:
        return
    last = structure.output_layer(setup.model, evidence.forward.order)
    modules = dict(setup.model.named_modules())
    for name, parameter in prober.named.items():
        owner = _owner(name)
        module = modules.get(owner)
        outermost = owner == last != ""
        if outermost or isinstance(module, nn.Embedding | nn.EmbeddingBag) or "norm" in name:
            continue
        if getattr(module, "groups", 1) == 1:
            yield from initialise.units_all_alike(
                name, prober.snapshot.before(parameter), parameter
            )


def look_at_updates(setup: Setup) -> Iterator[Finding]:
    """How far the user's own optimizer moved the weights."""
    evidence, prober = setup.evidence, setup.prober
    if evidence is None or prober is None or not setup.optimizers or evidence.steps < 2:
        return
    snapshot = prober.snapshot
    norms = {n: optimizer.size_of(snapshot.before(p)) for n, p in prober.named.items()}
    lbfgs = any(isinstance(o, torch.optim.LBFGS) for o in setup.optimizers)
    if not evidence.rate_was_raised and not lbfgs:
        repeated = evidence.losses if len(setup.batches) == 1 else ()
        yield from optimizer.learning_rate_too_high(
            evidence.first_moves, norms, repeated, course=evidence.losses
        )
    held = setup.held
    mine = {n: p for n, p in prober.named.items() if id(p) in held}
    if mine and any(x for norms_ in evidence.gradients.values() for x in norms_):
        move = largest_relative_move(mine, snapshot)
        yield from optimizer.learning_rate_too_low(move, evidence.steps, evidence.rates)
        if move >= optimizer.TOO_NEAR and not evidence.rate_was_raised:
            yield from _look_at_groups(setup, evidence, prober)
    for name, before, after, gradient, rate in evidence.rounded:
        yield from precision.updates_rounded_away(name, before, after, gradient, rate=rate)
    first = {
        id(p): (evidence.gradients[n][0] or 0.0) for n, p in mine.items() if n in evidence.gradients
    }
    sizes = {id(p): norms[n] for n, p in mine.items()}
    decoupled = [o for o in setup.optimizers if type(o).__name__ in ("AdamW", "NAdam", "Lion")]
    for o in setup.optimizers:
        yield from optimizer.weight_decay_swamps([o], first, sizes, decoupled=o in decoupled)


def _look_at_groups(setup: Setup, evidence: Evidence, prober: Prober) -> Iterator[Finding]:
    """Parameter groups whose weights stay where they were while those of others move."""
    alive = {n: p for n, p in prober.named.items() if any(evidence.gradients.get(n, ()))}
    for o in setup.optimizers:
        rates = [float(group.get("lr", 0.0)) for group in o.param_groups]
        for number, group in enumerate(o.param_groups):
            own = {id(p) for p in group["params"]}
            pushed = {n: p for n, p in alive.items() if id(p) in own}
            if pushed:
                move = largest_relative_move(pushed, prober.snapshot)
                yield from optimizer.group_hardly_moves(
                    number, move, evidence.steps, rates[number], max(rates)
                )


def look_at_last_batch(setup: Setup) -> Iterator[Finding]:
    """A last batch of one sample, tried on the network in training mode."""
    loader, prober = setup.loader, setup.prober
    if loader is None or prober is None or not setup.batches:
        return
    if not any(True for _ in loading.last_batch_of_one(loader, has_batch_norm=True)):
        return
    try:
        prober.answer(setup.batches[0].rows(1))
    except ProbeStopped as stopped:
        refused = "more than 1 value per channel" in str(stopped.error)
        yield from loading.last_batch_of_one(loader, has_batch_norm=refused)


def _look_for_non_finite(evidence: Evidence) -> Iterator[Finding]:
    if evidence.forward.not_finite is not None:
        name, tensor = evidence.forward.not_finite
        yield from precision.not_finite("output", tensor, where=name)
    elif evidence.loss is not None and not bool(torch.isfinite(evidence.loss).all()):
        yield from precision.not_finite("value", evidence.loss, where="loss")
    elif evidence.bad_gradient is not None:
        name, gradient = evidence.bad_gradient
        yield from precision.not_finite("gradient", gradient, where=name)


def _moves_loss(prober: Prober, batch: Batch, name: str) -> bool:
    """Whether changing one parameter changes the loss."""
    parameter = prober.named[name]
    with torch.no_grad():
        before = parameter.detach().clone()
        plain = _loss_of(prober, batch)
        shift = torch.linspace(0.1, 0.5, parameter.numel()).reshape(parameter.shape)
        parameter.data.mul_(1.5).add_(shift.to(parameter))
        changed = _loss_of(prober, batch)
        parameter.data.copy_(before)
    return plain != changed


def _loss_of(prober: Prober, batch: Batch) -> float | None:
    """The loss of a batch under seed 0."""
    seed_all(0)
    result = prober.compute_loss(prober.answer(batch), batch)
    return None if result is None else float(result.sum())


def _outermost(model: nn.Module, names: list[str], called: set[str]) -> list[str]:
    """The widest modules that hold nothing but parameters of these names."""
    owners = {_owner(n) for n in names}
    busy = {_owner(n) for n, _ in model.named_parameters()} - owners
    outer: list[str] = []
    for owner in sorted(owners):
        parts = owner.split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            if (
                name
                and name not in called
                and not any(b == name or b.startswith(name + ".") for b in busy)
            ):
                outer.append(name)
                break
    return list(dict.fromkeys(outer))


def _owner(parameter_name: str) -> str:
    return parameter_name.rpartition(".")[0]


def _more(call: LossCall) -> Tensor:
    """The input of a call, repeated where it is too small for a verdict of its own."""
    flat = call.input.detach()
    return flat if flat.numel() >= loss.ENOUGH_VALUES else flat.repeat(64, *[1] * (flat.dim() - 1))


def _without_channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous()
