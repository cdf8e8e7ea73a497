"""What `auto` becomes for small pictures: a network, and the optimizer that it is made for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from lamplighter.models.build import build
from lamplighter.recipe import Recipe, make_recipe
from lamplighter.training.choose import Facts, choose_model, choose_preprocess
from lamplighter.training.resolve import choose_optimizer, resolve


def facts(side: int = 32, **other: Any) -> Facts:
    return Facts(
        **{"count": 6000, "side": side, "grey": False, "characters": False, "outputs": 10, **other}
    )


def resolved(facts: Facts, device: str = "cpu", **asked: Any) -> Recipe:
    recipe = make_recipe({"data": "photos", **asked})
    network = build(choose_model(recipe, facts), facts.outputs, channels=3)
    preprocess = choose_preprocess(recipe, facts, network, None)
    return resolve(recipe, facts, network, preprocess, device)


@pytest.mark.parametrize(
    ("known", "asked", "model"),
    [
        (facts(8), {}, "small_resnet"),  # smaller than its three groups can halve
        (facts(8), {"size": 16}, "speed_net"),
        (facts(12), {}, "speed_net"),
        (facts(64), {}, "speed_net"),
        (facts(64), {"size": 8}, "small_resnet"),
        (facts(64), {"size": 96}, "small_resnet"),
        (facts(65), {}, "resnet18"),
        (facts(32, count=1000), {}, "speed_net"),
        (facts(32, count=999), {}, "small_resnet"),
        (facts(32, task="regression"), {}, "small_resnet"),
        (facts(32, task="multilabel"), {}, "small_resnet"),
        (facts(32), {"model": "tutorial_cnn"}, "tutorial_cnn"),
    ],
)
def test_the_network_goes_by_size_and_task(known: Facts, asked: dict[str, Any], model: str) -> None:
    """speed_net is for many pictures of 12 to 64 pixels that are to be told apart."""
    assert choose_model(make_recipe({"data": "photos", **asked}), known) == model


def test_the_networks_own_settings_come_with_it() -> None:
    """Muon, its rate, a straight way down and the augmentation of short trainings; no smoothing."""
    chosen = resolved(facts())
    assert (chosen.optimizer, chosen.schedule, chosen.warmup) == ("Muon", "linear", 0.0)
    assert (chosen.augment, chosen.smoothing, chosen.batch, chosen.epochs) == (
        "alternating", 0.0, 128, 20,
    )  # fmt: skip
    assert chosen.lr == pytest.approx(0.24 * (chosen.batch / 2000) ** 0.5, abs=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize(("able", "precision"), [(True, "bf16"), (False, "fp32")])
def test_bfloat16_where_the_gpu_has_it(
    monkeypatch: pytest.MonkeyPatch, able: bool, precision: str
) -> None:
    """Older GPUs emulate it, slower than float32; which GPU is asked is the one that trains."""
    asked: list[str] = []

    def on(device: str) -> nullcontext[None]:
        asked.append(device)
        return nullcontext()

    def supported(*, including_emulation: bool = True) -> bool:
        return able or including_emulation

    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert resolved(facts(), "cuda:1").precision == precision
    assert asked == ["cuda:1"]
    assert resolved(facts()).precision == "fp32"


def test_a_typed_rate_is_one_of_adamw() -> None:
    """0.001 is a usual rate, and would hardly move anything under Muon."""
    chosen = resolved(facts(), lr=0.001)
    assert (chosen.model, chosen.optimizer, chosen.lr) == ("speed_net", "AdamW", 0.001)
    assert (chosen.schedule, chosen.augment) == ("one-cycle", "light")
    typed = resolved(facts(), lr=0.1, optimizer="Muon")
    assert (typed.optimizer, typed.lr, typed.schedule) == ("Muon", 0.1, "linear")


def test_other_networks_and_typed_optimizers_keep_theirs() -> None:
    """AdamW elsewhere; what is typed wins."""
    assert resolved(facts(8)).optimizer == "AdamW"
    assert resolved(facts(), model="tutorial_cnn").optimizer == "AdamW"
    chosen = resolved(facts(), optimizer="SGD")
    assert (chosen.model, chosen.optimizer, chosen.schedule) == ("speed_net", "SGD", "one-cycle")


def test_weights_of_ones_own_are_tuned_by_adamw() -> None:
    """Muon at the rate of a beginning would undo what the weights know."""
    network = build("speed_net", 10, channels=3)
    network.pretrained = True
    assert choose_optimizer(make_recipe({"data": "photos"}), network) == "AdamW"
