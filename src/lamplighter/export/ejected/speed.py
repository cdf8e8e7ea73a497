"""What the recipe `speed` and its parts add to the file, as torch has nothing like them.

Network and optimizer are `speed_net.py.j2` and `muon.py.j2`; here is what surrounds them.
"""

from __future__ import annotations

from typing import Any

from lamplighter.export.ejected.network import Built, literal
from lamplighter.models import torchvision_nets
from lamplighter.models.architecture import Architecture
from lamplighter.models.small import SMALL
from lamplighter.models.speed_net import WIDTHS, SpeedNet
from lamplighter.recipe import Recipe

NETWORK, OPTIMIZER, AUGMENT = "speed_net", "Muon", "alternating"
REST = 2.5  # these three as in training/muon.py, which is out of reach here
MOMENTA = (0.6, 0.85)
CAPABLE = ("avx512_bf16", "amx_bf16", "bf16")


def uses_ours(architecture: Architecture, recipe: Recipe) -> bool:
    """Whether the run used something that torch does not have, so that the file may be longer."""
    return (
        (architecture.source, architecture.name) == ("lamplighter", NETWORK)
        or recipe.optimizer == OPTIMIZER
        or recipe.augment == AUGMENT
        or recipe.grow_from != 1
        or recipe.focus != 1
    )


def speed_facts(architecture: Architecture, recipe: Recipe) -> dict[str, Any]:
    """What the template asks about speed_net, growing pictures and what later epochs show."""
    widths = str(architecture.options.get("widths", "")) or ",".join(map(str, WIDTHS))
    from_scratch = recipe.weights in ("none", "auto")
    return {
        "views": architecture.options.get("views", "one"),
        "widths": widths.replace(",", ", "),
        "whitens": from_scratch,
        "grows": recipe.grow_from != 1,
        "focus": recipe.focus != 1,
        "varied": "rounds * len(losses)" if recipe.focus != 1 else "len(order)",
        # the whitening rests after the first epochs, as in training/prepare.py
        "settles": from_scratch and recipe.freeze == "none" and architecture.name == NETWORK,
        "least": _least_side(architecture),
    }


def _least_side(architecture: Architecture) -> int:
    """Pixels below which growing pictures do not begin."""
    if architecture.source == "lamplighter":
        return SMALL[architecture.name].min_size
    if architecture.source == "torchvision":
        return torchvision_nets.min_size_of(architecture.name, architecture.options)
    return 1


def muon_constants(recipe: Recipe, network: Built) -> list[str]:
    """The rates of what is no filter."""
    if network.kind != NETWORK:
        return [f"REST = {REST}  # on LR, for what is no filter: it moves by SGD"]
    pictures = int(recipe.batch) * recipe.accumulate
    head, biases = SpeedNet.rest_factors(pictures)
    return [
        f"HEAD = {head}  # on LR, for the head, which moves by SGD",
        f"BIASES = {biases}  # on LR, for what is left, by SGD too",
    ]


def muon_facts(recipe: Recipe, network: Built, factor: float, *, moves: bool) -> dict[str, Any]:
    """The optimizer's groups, and in what its matrices are multiplied.

    Args:
        factor: on the rate of all but the head.
        moves: whether the learning rate does.
    """
    heads = "heads" if network.kind == "own" else ", ".join(literal(f"{n}.") for n in network.head)
    heads = f"({heads})" if len(network.head) > 1 else heads
    chosen = "parameter.dim() > 1" if network.filters_by_shape else "id(parameter) in banks"
    rest = "HEAD if in_head else BIASES" if network.kind == NETWORK else "REST"
    lines = [f"in_head = name.startswith({heads})"] if heads else []
    lines.append(f"is_filter = {chosen}" + (" and not in_head" if heads else ""))
    lines.append(f"factor = 1.0 if is_filter else {rest}")
    if factor != 1:
        lines.append("factor *= 1.0 if in_head else BACKBONE")
    if recipe.weight_decay:
        lines.append(f"decay = WEIGHT_DECAY if {network.decays} else 0.0")
    peak = ', "peak": LR' if moves else ""
    lines.append(
        f'group = {{"params": [], "lr": LR{peak}, "factor": factor, "filters": is_filter}}'
    )
    lines.append(f'group["momentum"] = {MOMENTA[0]} if is_filter else {MOMENTA[1]}')
    if recipe.weight_decay:
        lines.append('group["weight_decay"] = decay')
    return {
        "simple_groups": False,
        "names_matter": bool(heads) or "name" in network.decays,
        "bank_lines": _bank_lines(network),
        "group_lines": lines,
        "group_key": "(is_filter, factor, decay)" if recipe.weight_decay else "(is_filter, factor)",
        "optimizer": OPTIMIZER,
        "optimizer_arguments": ", {}",  # no defaults: each group says all
        "product_lines": _product_lines(recipe.device),
        "decays": bool(recipe.weight_decay),
        "scale_free": network.kind == NETWORK,
    }


def _bank_lines(network: Built) -> list[str]:
    """Lines that find the filters, and an own network's head, where shapes and names do not tell."""
    if network.filters_by_shape:
        return []
    lines = [
        "# filters are weights of linear layers, and of convolutions that see all planes",
        "layers = [(n, one) for n, one in net.named_modules() if isinstance(one, nn.Linear | nn.Conv2d)]",
        'banks = {id(one.weight) for _, one in layers if getattr(one, "groups", 1) == 1}',
    ]
    if network.kind == "own":
        told = f"if len(one.weight) == {network.outputs}"
        lines.append(f'heads = tuple(f"{{n}}." for n, one in layers {told})[-1:]  # the last one')
    return lines


def _product_lines(device: str) -> list[str]:
    if not device.startswith("cpu"):
        kind = "bfloat16" if device.startswith("cuda") else "float32"
        return [f"PRODUCTS = torch.{kind}  # in which Muon's matrices are multiplied"]
    able = ", ".join(literal(name) for name in CAPABLE)
    return [
        "# Muon's matrices are multiplied in 16 bits where the processor can",
        f"SHORT = any(torch.cpu.get_capabilities().get(name) for name in ({able}))",
        "PRODUCTS = torch.bfloat16 if SHORT else torch.float32",
    ]
