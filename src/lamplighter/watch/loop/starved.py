"""An optimizer whose parameters are called, but that no backward() ever reaches: R102."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.world import SeenOptimizer, World

WHOLE = 3  # steps without any gradient that are enough once the program came to its end
CUT_SHORT = 20  # steps that are enough where it was ended before
SAME_CAUSE = ("L108", "M107", "O102", "R102")  # each explains missing gradients at a better line


@dataclass(eq=False, slots=True)
class Hunger:
    """How often one optimizer stepped on nothing, and the last backward() before its third time."""

    steps: int = 0
    fed: bool = False
    place: Place | None = None


class Starved(Watcher):
    """Follows each optimizer until a gradient arrives; hears last, when other causes are known."""

    codes = ("R102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.hungers: dict[int, Hunger] = {}
        self.waiting = False
        self.last: Place | None = None

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        if self.waiting:
            self.last = here()

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.hungers.pop(id(optimizer), None)  # the number of one that is gone may come again

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        hunger = self.hungers.setdefault(id(optimizer), Hunger())
        if hunger.fed:
            return
        wanted = [p for p in self.world.owner_record(optimizer).parameters() if p.requires_grad]
        # zero_grad() makes no gradients: where one is, of whatever value, it has once arrived.
        if closure or not wanted or any(p.grad is not None for p in wanted):
            hunger.fed = True
        else:
            hunger.steps += 1
            if hunger.steps == WHOLE:
                hunger.place = self.last
        self.waiting = any(not h.fed and h.steps < WHOLE for h in self.hungers.values())

    def ended(self) -> None:
        if any(self.world.found(code) for code in SAME_CAUSE):
            return
        enough = WHOLE if self.world.whole else CUT_SHORT
        for key, hunger in self.hungers.items():
            record = self.world.optimizers.get(key)
            if record is None or hunger.fed or hunger.steps < enough or hunger.place is None:
                continue
            name = self._network_of(record)
            if name and not has_been_fed(record):
                self._report(name, hunger)

    def _network_of(self, record: SeenOptimizer) -> str:
        """The name of the called network that it steps on; a dummy for a schedule has none."""
        networks = self.world.networks({id(p) for p in record.parameters()})
        return next((model.name for model, _ in networks if model.calls), "")

    def _report(self, name: str, hunger: Hunger) -> None:
        self.world.report(
            "R102",
            "error",
            f"`{name}`",
            f"its optimizer stepped at least {hunger.steps} times, but no backward() ever gave a "
            "gradient to any of its parameters: the losses do not depend on them",
            "look for detach(), torch.no_grad() or .data between it and its loss; a generator "
            "learns from critic(fake), not from critic(fake.detach())",
            hunger.place,
        )


def has_been_fed(record: SeenOptimizer) -> bool:
    """Whether an optimizer bears a sign of a gradient, which may have come while nobody looked."""
    optimizer = record.ref()
    grown = bool(optimizer.state) if optimizer is not None else False
    return grown or any(p.grad is not None for p in record.parameters())
