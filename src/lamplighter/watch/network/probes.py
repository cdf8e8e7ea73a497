"""Probes on a copy of the network before its first real step: what `lamp.check` finds, with lines."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.check import check
from lamplighter.checks.finding import Finding
from lamplighter.checks.observed import observed
from lamplighter.checks.snapshot import copied, kept, probing
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.calls import (
    Call,
    call_of,
    comes_from,
    index_of,
    last_of,
    rows_are_plain,
)
from lamplighter.watch.network.decoding import look_at_decoder
from lamplighter.watch.network.sequences import look_at_padding
from lamplighter.watch.network.trial import OUTPUT_WAYS, TARGET_WAYS, Trial, way_to
from lamplighter.watch.source.pinpoint import place_of
from lamplighter.watch.source.place import here
from lamplighter.watch.sources import thrown_away

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

STEPS = 3  # real steps that must show the same pattern before its consequences are told
LARGEST = 2**31  # bytes of a network that is still copied

# what can be read off the forward pass alone, whatever the loss
OF_FORWARD = frozenset({"M104", "M106", "M109", "M115", "M116", "M120"})
OF_FORWARD |= {"E105", "I102", "D101", "D102", "D105"}
# what needs the loss that the program really uses; not L109, since what the program does with the
# gradients of a sum, such as to divide them by the samples of several batches, is not seen yet
OF_LOSS = frozenset(
    (
        *("M105", "I103", "L105"),
        *("O103", "O104", "O106", "Y102", "Y105", "Y106", "Y107", "D103", "D104", "T105"),
    )
)
# of these, what needs the loss of the answer alone, with whatever further terms
OF_ANSWER = frozenset({"M105", "Y105", "Y106"})
COMPARING = frozenset({"sub", "rsub", "gather"})
MOST = 8  # calls, losses and backward passes that are held, with their graphs, for one step
MOST_OWN = 64  # comparisons of one step
# what another step could still undo: a second loss, another head, a later phase
OF_SEVERAL_STEPS = frozenset({"M107", "M108", "M114", "M117", "I101"})


class Probes(Watcher):
    """Tries the network on its first batch before the first step is taken."""

    codes = (*OF_FORWARD, *OF_LOSS, *OF_SEVERAL_STEPS)
    operations = COMPARING

    def __init__(self, world: World) -> None:
        self.world = world
        self.trial: Trial | None = None
        self.tried = self.done = False
        self.steps = 0
        self.held: list[Finding] = []
        # layers that were told as never called, which a later phase may call
        self.uncalled: list[tuple[str, list[weakref.ref[nn.Module]]]] = []
        self.calls: list[tuple[nn.Module, tuple[Any, ...], Any]] = []
        self.losses: list[tuple[str, dict[str, Any], torch.Tensor | None]] = []
        self.roots: list[torch.Tensor] = []
        self.batch: Any = None
        self.call: Call | None = None
        self.own: list[tuple[str, dict[str, Any]]] = []

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.call = None if self.done else call_of(module, args, kwargs)

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.done or not torch.is_grad_enabled():
            return
        if len(self.calls) > MOST:
            self._forget()  # these outputs hold graphs; nobody steps with so many at once
        given = self.call.tensors if self.call is not None else ()
        self.calls.append((module, given, output))
        if self.trial is None and self.call and module.training and len(self.calls) == 1:
            self._begin(module, self.call)

    def batch_given(self, current: Pass, batch: Any) -> None:
        if not self.done:
            self._forget()
            self.batch = batch

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.done or not torch.is_grad_enabled():
            return
        if len(self.losses) < MOST:
            self.losses.append((name, given, result if isinstance(result, torch.Tensor) else None))
        if self.trial is not None and self.trial.loss_place is None:
            self.trial.loss_place = here()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Comparisons that the program writes itself: a difference, or the scores of the right ones."""
        if self.done or name not in COMPARING or len(args) < 2 or len(self.own) >= MOST_OWN:
            return
        answer, target = args[0], args[2] if name == "gather" and len(args) > 2 else args[1]
        if not isinstance(answer, torch.Tensor) or not isinstance(target, torch.Tensor):
            return
        if not answer.requires_grad and name != "gather":
            answer, target = target, answer
        if answer.requires_grad and not target.requires_grad and target.dim() > 1:
            if name == "gather":  # as rows of scores, which is how the loss of torch has them
                answer, target = answer.flatten(0, -2), target.flatten()
            kind = "cross_entropy" if name == "gather" else "mse_loss"
            self.own.append((kind, {"input": answer, "target": target}))

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if not self.done and len(self.roots) < MOST:
            self.roots += roots

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.done and not closure and self.trial is not None:
            self._take_step(self.trial, optimizer)
            self._forget()

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.done:
            return
        if self.calls and self.trial is not None:  # within a closure
            self._take_step(self.trial, optimizer)
        if self.steps >= STEPS or self.world.steps > 4 * STEPS:
            self._release()
        self._forget()

    def ended(self) -> None:
        if not self.done and self.world.steps:
            self._release()
        for where, parts in self.uncalled:
            alive = (part for ref in parts if (part := ref()) is not None)
            if any(id(part) in self.world.noted for part in alive):
                self.world.withdraw("M117", where)

    def _forget(self) -> None:
        self.calls, self.losses, self.roots, self.batch = [], [], [], None
        self.own = []

    def _begin(self, module: nn.Module, call: Call) -> None:
        size = sum(p.numel() * p.element_size() for p in module.parameters())
        if size > LARGEST:
            return
        mine = {id(p) for p in module.parameters()}
        records = [
            record
            for record in self.world.optimizers.values()
            if any(id(p) in mine for p in record.parameters())
        ]
        optimizers = [o for record in records if (o := record.ref()) is not None]
        try:
            with kept(()):
                double = copied((module, optimizers), module)
        except Exception:
            self.done = True  # a network that cannot be copied is watched and not probed
            return
        call.prepare(double[0])
        loader = self.world.loader()
        self.trial = Trial(
            double,
            module,
            self.world.seen(module).name,
            here(),
            loader_place=self.world.loaders.get(id(loader)) if loader is not None else None,
            optimizer_place=records[0].place if records else None,
            rows=loader.batch_size if loader is not None else None,
        )

    def _take_step(self, trial: Trial, optimizer: torch.optim.Optimizer) -> None:
        if not self.world.moves(optimizer, trial.model):
            if self.tried or self.steps:
                trial.plain = False
            else:
                self.trial = None  # whatever was called first is not what learns
            return
        self.steps += 1
        plain = len(self.calls) == len(self.losses) == len(self.roots) == 1
        if not plain:
            trial.plain = False
        if not self.calls:
            return
        module, inputs, output = self.calls[0]
        if module is not trial.model or not inputs:
            trial.plain = False
            return
        self._note_loss(trial, inputs, output, plain)

    def _note_loss(self, trial: Trial, inputs: tuple[Any, ...], output: Any, plain: bool) -> None:
        """How the loss follows from the answer, and the first try."""
        name, given, result = self.losses[0] if self.losses else ("", {}, None)
        root = self.roots[0] if self.roots else None
        way = _way_into(given, output)
        if not self.losses and not self.tried:
            own_ones = [(n, g) for n, g in self.own if _way_into(g, output) is not None]
            name, given = own_ones[-1] if own_ones else (name, given)
            way = _way_into(given, output)
        target = given.get("target")
        own = None if root is None or way is not None else index_of(root, output)
        trial.asked = way is not None or own is not None
        known = way is not None and root is not None and comes_from(root, result)
        if not known and (own is None or not plain):
            trial.plain = False
        if self.tried:
            return
        if isinstance(target, torch.Tensor):
            trial.loss = (name, {k: v for k, v in given.items() if k not in ("input", "target")})
            trial.output_way = way or trial.output_way
            source, trial.target_way = self._source_of(target, inputs[0])
        else:
            source = last_of(self.batch, inputs)
        trial.own = own
        trial.batches.append((*(t.detach() for t in inputs), source))
        if trial.rows is None and rows_are_plain(trial.double[0], inputs, source):
            trial.rows = len(inputs[0])
        self._try(trial)

    def _source_of(self, target: torch.Tensor, inputs: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """The tensor of the batch that became the target, and how."""
        for tensor in reversed(list(tensors_in(self.batch))):
            moved = tensor.to(target.device)
            way = way_to(target, moved, TARGET_WAYS)
            if way is not None:
                return moved, way
        if target.dim() == 1 and inputs.dim() == 2 and target.numel() == inputs.numel():
            # one answer for each token, laid in a row for the loss
            return target.detach().view_as(inputs), torch.Tensor.flatten
        return target.detach(), TARGET_WAYS[0]

    def _try(self, trial: Trial) -> None:
        self.tried = True
        wanted = OF_FORWARD | (OF_LOSS | OF_SEVERAL_STEPS if trial.plain else frozenset())
        wanted |= OF_ANSWER if trial.asked else frozenset()
        if not trial.rows_are_samples():
            wanted -= {"M104", "E105", "D101"}
        model, optimizers = trial.double
        with probing(model), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = check(
                model,
                trial.as_data(),
                loss=trial.compute_loss,
                optimizer=[o for o in optimizers if not isinstance(o, torch.optim.LBFGS)] or None,
                only=wanted,
            )
        for finding in report:
            if finding.code in wanted and self._holds(finding, trial):
                if finding.code in OF_SEVERAL_STEPS:
                    self.held.append(finding)
                else:
                    self._tell(finding, trial)
        self.world.adopt(look_at_decoder(trial) if trial.asked else (), trial.place)
        for finding, place in look_at_padding(trial):
            self.world.adopt([finding], place or trial.place)

    def _holds(self, finding: Finding, trial: Trial) -> bool:
        if self.world.found(finding.code):
            return False
        if finding.code == "M114":
            return not _is_told_by_source(trial.model)
        return finding.code != "M109" or _holds_at_evaluation(finding, trial)

    def _is_held(self, finding: Finding, trial: Trial) -> bool:
        """Whether an optimizer has the first weight that gets no gradient: else nobody wants it."""
        name = finding.where.split(", ")[0].split(" and ")[0]
        weight = dict(trial.model.named_parameters()).get(name)
        records = self.world.optimizers.values()
        return weight is None or any(p is weight for r in records for p in r.parameters())

    def _was_called(self, finding: Finding, trial: Trial) -> bool:
        """Whether the program itself has called the first layer that the copy never called."""
        name = finding.where.split(", ")[0].split(" and ")[0]
        parts = list(trial.model.get_submodule(name).modules())
        self.uncalled.append((finding.where, [weakref.ref(part) for part in parts]))
        return any(id(part) in self.world.noted for part in parts)

    def _tell(self, finding: Finding, trial: Trial) -> None:
        self.world.adopt([finding], place_of(finding, trial, self.world.origins) or trial.place)

    def _release(self) -> None:
        """Tells what only several steps of the same pattern make sure, and lets everything go."""
        trial, self.trial, self.done = self.trial, None, True
        if self.world.kept is not None and trial is not None and trial.batches:
            self.world.trial = trial  # its lines are looked for when all is over
        for finding in self.held:
            if trial is None or not trial.plain or self.world.found(finding.code):
                continue
            if finding.code == "M117" and self._was_called(finding, trial):
                continue
            if finding.code != "M107" or self._is_held(finding, trial):
                self._tell(finding, trial)
        self.held = []


def _way_into(given: dict[str, Any], output: Any) -> Any:
    """How what entered a loss was made of the network's answer, where that is a usual way."""
    entered = given.get("input")
    if isinstance(output, torch.Tensor) and isinstance(entered, torch.Tensor):
        return way_to(entered, output, OUTPUT_WAYS)
    return None


def _is_told_by_source(model: nn.Module) -> bool:
    return any(True for m in model.modules() for _ in thrown_away(type(m), m))


def _holds_at_evaluation(finding: Finding, trial: Trial) -> bool:
    """Whether two layers also meet without dropped blocks, which only training skips."""
    one, _, other = finding.where.partition(" → ")
    if finding.level == "error" or not other:
        return True
    model = trial.double[0].eval()
    with probing(model), torch.no_grad(), observed(model) as forward:
        model(*trial.batches[0][:-1])
    return (one, other) in forward.adjacent
