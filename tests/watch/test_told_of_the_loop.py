"""What is said of resumed trainings, of seeds, of late weights, and which line is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

DIRTY = Path(__file__).parent / "scripts" / "dirty"

TOLD = {
    "resumed_without_optimizer": (
        "training goes on from saved weights with an empty Adam of the same settings: its running "
        "averages were not saved, so the first steps go another way",
        "save optimizer.state_dict() beside the model's, and the schedule's, and load them too",
    ),
    "optimizer_state_left_in_the_file": (
        "training goes on from saved weights with an empty AdamW of the same settings: its running "
        "averages lie in the file and were not loaded, so the first steps go another way",
        "call optimizer.load_state_dict(…) with what was saved, before the first step",
    ),
    "schedule_begins_anew": (
        "training goes on from saved weights and a loaded optimizer, and its ExponentialLR begins "
        "anew: the learning rate takes another course than without the break",
        "save scheduler.state_dict() too, and load it after building the schedule",
    ),
    "seed_set_at_every_score": (
        "torch.manual_seed(1) runs again between the steps, and 3 stretches of the training have "
        "begun with the very same random numbers: order, dropout and noise repeat themselves",
        "set the seed once, before the training; give what shall repeat a generator of its own",
    ),
    "step_without_parentheses": (
        "gradients arrived 30 times and were cleared 30 times, and step() of its Adam never ran: "
        "no weight has moved",
        "call optimizer.step() after backward(), with its parentheses",
    ),
    "snapshots_are_one_state": (
        "the state that is kept here shares its memory with the model and moved with it in 30 later "
        "steps: that of step 10 and that of step 20 are one and the same",
        "keep a copy: copy.deepcopy(model.state_dict())",
    ),
    "best_state_aliased_and_always_better": (
        "the state that is kept here shares its memory with the model and was kept through later "
        "steps before: the newest is right by chance, and each before it would not have been",
        "keep a copy: copy.deepcopy(model.state_dict())",
    ),
    "schedule_of_the_first_optimizer": (
        "it was stepped 3 times and sets the learning rate of the SGD that it was built with, which "
        "never steps; the weights are moved by Adam, whose rate does not change",
        "build the schedule with the optimizer that steps",
    ),
    "cosine_counts_batches": (
        "T_max=60 is 6 epochs of 10 batches, and it is stepped once in an epoch, 6 times in all: "
        "the learning rate hardly moves",
        "give T_max in epochs, or call scheduler.step() after each batch",
    ),
    "milestones_counted_in_batches": (
        "its milestones, the last of which is 5, are epochs of the 6 that there are, and it is "
        "stepped after every batch, 60 times: all of them are over early",
        "call scheduler.step() once per epoch, outside the loop over batches",
    ),
    "order_made_anew_each_epoch": (
        "it shuffles, and 3 epochs in a row have begun with the same samples in the same order: its "
        "generator begins anew each time",
        "build the generator once, before the epochs",
    ),
    "weighed_after_the_mean": (
        "16 numbers, one for each sample, are multiplied with the mean or sum over the batch and "
        "added up: they scale the loss as a whole, and no sample weighs more than another",
        'multiply before the mean: with losses of torch, reduction="none" keeps the samples apart',
    ),
}


def test_parameters_beside_the_networks(observe: Callable[[Path], Watch]) -> None:
    """A learned weight of a loss is named, and so is one that belongs to no module."""
    path = DIRTY / "learned_weights_of_losses_in_no_optimizer.py"
    findings = {f.where: f for f in observe(path).findings}
    assert set(findings) == {"`scale`", "`weighted.log_vars`"}
    assert findings["`scale`"].message == (
        "this parameter of one value is part of what backward() is called on, no optimizer holds "
        "it, and in 31 steps it has not changed"
    )
    assert "this parameter (2,) is part of" in findings["`weighted.log_vars`"].message
    assert findings["`scale`"].fix.startswith("give it to the optimizer as well")


@pytest.mark.parametrize("name", TOLD)
def test_message_and_fix(name: str, observe: Callable[[Path], Watch]) -> None:
    """Each of these mistakes is told in these words."""
    (finding,) = observe(DIRTY / f"{name}.py").findings
    assert (finding.message, finding.fix) == TOLD[name]
