"""Family Q: what reinforcement learning computes from rewards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

Vector = npt.NDArray[np.float64]

SAME = 1e-3  # in standard deviations: what single precision makes of equal returns
OTHER = 0.05  # apart by more: other returns
FINE = 0.01  # and where a discount near 1 is all that they are apart by


def sums_forward(rewards: Sequence[float], gamma: float) -> Vector:
    """The discounted sum of each reward and those after it."""
    return sums_backward(list(rewards)[::-1], gamma)[::-1]


def sums_backward(rewards: Sequence[float], gamma: float) -> Vector:
    """The discounted sum of each reward and those before it."""
    sums = np.empty(len(rewards))
    running = 0.0
    for at, reward in enumerate(rewards):
        running = reward + gamma * running
        sums[at] = running
    return sums


def are_alike(one: Vector, other: Vector, *, by: float = SAME) -> bool:
    """Whether two rows differ by a positive factor and an offset alone, as after standardising."""
    if one.std() < 1e-9 or other.std() < 1e-9:
        return False
    return bool(np.abs(standard(one) - standard(other)).max() <= by)


def standard(values: Vector) -> Vector:
    """The same with mean 0 and deviation 1."""
    return np.asarray((values - values.mean()) / values.std())


def kind_of_returns(
    used: Vector, episodes: Sequence[Sequence[float]], gammas: Sequence[float], *, in_order: bool
) -> str:
    """How the numbers that weigh the actions of some episodes follow from the rewards.

    Args:
        used: one number for each action.
        episodes: the rewards, an episode after the other.
        gammas: discounts that come into question.
        in_order: whether the actions are known to stand in the order in which they were taken.

    Returns:
        "right", "past" (sums over what came before), "turned" (right sums at the wrong actions),
        "alone" (each reward with its discount, without those after it), or "" where nothing is
        certain.
    """
    wrong = ""
    plain = np.concatenate([np.asarray(e, dtype=float) for e in episodes])
    for gamma in gammas:
        ahead = np.concatenate([sums_forward(e, gamma) for e in episodes])
        behind = np.concatenate([sums_backward(e, gamma) for e in episodes])
        if are_alike(used, ahead):
            return "right"
        reverse = ahead[::-1]
        turned = are_alike(used, reverse, by=OTHER)
        if are_alike(used, behind) and not are_alike(behind, ahead, by=OTHER):
            if in_order or not are_alike(behind, reverse, by=OTHER):
                wrong = wrong or "past"
        elif (
            (in_order or not turned)
            and len(np.unique(ahead.round(6))) > 3
            and are_alike(np.sort(used), np.sort(ahead))
            and not are_alike(used, ahead, by=OTHER)
        ):
            wrong = wrong or "turned"
        elif gamma < 1 and len(np.unique(plain.round(6))) > 3:
            alone = np.concatenate([gamma ** np.arange(len(e)) * np.asarray(e) for e in episodes])
            apart = are_alike(alone, ahead, by=OTHER) or are_alike(alone, plain, by=FINE)
            if are_alike(used, alone) and not apart:
                wrong = wrong or "alone"
    return wrong


def returns_of_the_past(kind: str, count: int, times: int) -> Iterator[Finding]:
    """Q103: an action is weighed with rewards that it had no part in.

    Args:
        kind: "past", "turned" or "alone", as `kind_of_returns` says.
        count: actions of the newest update.
        times: updates that showed the same.
    """
    if kind == "past":
        what = "each is the discounted sum of the rewards up to its action, not of those after it"
        fix = "go through the rewards from the last to the first: R = r + gamma * R"
    elif kind == "alone":
        what = "each is one reward times its discount: what comes after an action does not count"
        fix = "add up from the last reward to the first: R = r + gamma * R"
    else:
        what = "they are the right discounted sums, at other actions than those they belong to"
        fix = "turn the list round once, after the loop that goes from the last reward to the first"
    yield found(
        "Q103",
        "returns",
        f"{count} returns weigh the actions, and {what} ({times} updates in a row)",
        fix,
    )


def future_past_the_end(flag: str, rows: int, ended: int, discount: float) -> Iterator[Finding]:
    """Q101: a value is added to the reward where nothing comes after it.

    Args:
        flag: the variable that says where an episode has ended.
        rows: transitions in the batch.
        ended: of these, the last ones of an episode.
        discount: the factor of the value.
    """
    yield found(
        "Q101",
        "target",
        f"the target is the reward and {discount:g} times the value of what comes next, also for "
        f"the {ended} of {rows} transitions at which `{flag}` says that the episode is over",
        f"leave the value away there: reward + gamma * next_value * (1 - {flag})",
    )


def target_never_follows(name: str, trained: str, steps: int) -> Iterator[Finding]:
    """Q102: the network that gives the targets is the one of the beginning.

    Args:
        name: that network.
        trained: the network of the same shape that learns.
        steps: how long.
    """
    yield found(
        "Q102",
        f"`{name}`",
        f"it gives the values of the targets and has not changed in {steps} steps of `{trained}`: "
        "what is learned is the value of the network as it was made",
        f"copy the weights every so often: {name}.load_state_dict({trained}.state_dict())",
    )


def target_never_asked(name: str, trained: str, *, certain: bool = True) -> Iterator[Finding]:
    """Q102: a target network is kept up to date, and the learning network gives the targets.

    Args:
        name: the target network.
        trained: the network that learns.
        certain: whether every call would have been heard; else it is for information.
    """
    yield found(
        "Q102",
        f"`{name}`",
        f"it follows `{trained}` step by step and is never asked: the values in the targets are those "
        f"of `{trained}` itself, so how slowly it follows has no effect",
        f"ask {name} for the value of what comes next",
        level=None if certain else "info",
    )


def future_only_at_the_end(flag: str, discount: float) -> Iterator[Finding]:
    """Q101: a value is added to the reward only where nothing comes after it.

    Args:
        flag: the variable that says where an episode has ended.
        discount: the factor of the value.
    """
    yield found(
        "Q101",
        "target",
        f"the target is the reward and {discount:g} times the value of what comes next, multiplied "
        f"with `{flag}`: the value counts where the episode is over, and nowhere else",
        f"multiply it with the opposite: reward + gamma * next_value * (1 - {flag})",
    )


def target_has_a_graph(discount: float) -> Iterator[Finding]:
    """Q104: what a value is fitted to moves with the weights itself.

    Args:
        discount: the factor of the value of what comes next.
    """
    yield found(
        "Q104",
        "target",
        f"the target, the reward and {discount:g} times the value of what comes next, has a graph: "
        "each step also moves the value of what comes next towards this one",
        "compute the target under torch.no_grad(), or detach() it",
    )


def weights_with_graph() -> Iterator[Finding]:
    """Q105: the advantage that weighs the log-probabilities has a graph."""
    yield found(
        "Q105",
        "advantage",
        "the log-probabilities of the actions are multiplied with a difference that has a graph: "
        "the loss of the policy moves the values too, and not towards the returns",
        "weigh with advantage.detach()",
    )


def policy_turned(times: int) -> Iterator[Finding]:
    """Q106: the loss rises with the log-probability of what was rewarded.

    Args:
        times: updates that showed it.
    """
    yield found(
        "Q106",
        "policy",
        f"the loss rises with the log-probabilities times their returns, in each of {times} "
        "updates: what was rewarded becomes less likely",
        "the sign is missing: loss = -(log_probs * returns).sum()",
    )


def number_for_value() -> Iterator[Finding]:
    """Q107: the target is a reward and the discounted number of an action."""
    yield found(
        "Q107",
        "target",
        "the target adds a discounted argmax to the reward: that is the number of the best action, "
        "0, 1, 2, …, and not what it is worth",
        "take the value: .max(dim=1).values, or gather() with the argmax",
    )
