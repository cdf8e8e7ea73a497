"""The line a finding about data points at: where the mistake is made, or where the data enter."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from lamplighter.watch.source.lineage import (
    Lineage,
    Link,
    lineage_of,
    lineage_of_call,
    lineage_of_name,
)
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.sight import is_holder
from lamplighter.watch.source.statements import called_name

Sign = Callable[[ast.AST], bool]


def calls(*names: str) -> Sign:
    """A call of a function or method with one of these names."""

    def sign(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and called_name(node) in names

    return sign


def computes(*operators: type[ast.operator]) -> Sign:
    """An arithmetic operation of one of these kinds."""

    def sign(node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, operators)

    return sign


def shortens(node: ast.AST) -> bool:
    """`words[:length]`, or a tokenizer that is told to truncate."""
    if isinstance(node, ast.Call):
        return any(k.arg in ("truncation", "max_length", "maxlen") for k in node.keywords)
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    return node.slice.lower is None and node.slice.upper is not None


def takes_a_window(node: ast.AST) -> bool:
    """`values[a:b].mean()`, `np.max(values[a:b])` or `series.rolling(7)`."""
    if calls("rolling", "ewm", "convolve", "cumsum", "unfold", "sliding_window_view")(node):
        return True
    if not calls("mean", "sum", "std", "max", "min", "amax", "amin", "average")(node):
        return False
    parts = [n.slice for n in ast.walk(node) if isinstance(n, ast.Subscript)]
    return any(isinstance(p, ast.Slice) and p.lower is not None and p.upper for p in parts)


def reorders(node: ast.AST) -> bool:
    """`x[order]`: rows taken in the order that a name holds."""
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name)


def draws_an_order(node: ast.AST) -> bool:
    """`y[torch.randperm(len(y))]`: an order that nothing else can be brought into."""
    drawn = calls("permutation", "randperm", "argsort")
    return isinstance(node, ast.Subscript) and any(drawn(n) for n in ast.walk(node.slice))


def draws(node: ast.AST) -> bool:
    """A transform that draws by chance."""
    if not isinstance(node, ast.Call):
        return False
    name = called_name(node)
    return name.startswith("Random") or name in CHANCY


CHANCY = (
    "ColorJitter", "AutoAugment", "RandAugment", "TrivialAugmentWide", "AugMix", "GaussianNoise",
    "rand_like", "randn_like", "uniform", "normal",
)  # fmt: skip
ENTER = calls("tensor", "as_tensor", "from_numpy", "FloatTensor", "Tensor", "asarray", "array")
JOINED = calls(
    "cat", "concat", "concatenate", "vstack", "repeat", "tile", "resample", "fit_resample"
)
MIXED = calls(
    "train_test_split", "random_split", "permutation", "randperm", "shuffle", "sample", "split"
)
LISTED = calls(
    "sorted", "sort", "argsort", "listdir", "glob", "rglob", "iterdir", "shuffle", "sample"
)

# code → (which statements are looked at, signs of the mistake, surest first)
SIGNS: dict[str, tuple[str, Sequence[Sign]]] = {
    "D101": ("inputs", [computes(ast.FloorDiv), ENTER]),
    "D102": ("inputs", [calls("log", "log2", "log10", "sqrt"), computes(ast.Div, ast.Pow), ENTER]),
    "D103": ("inputs", [ENTER, calls("float", "astype"), calls("permute", "transpose")]),
    "D104": ("inputs", [computes(ast.Div), calls("Normalize", "normalize"), ENTER]),
    "D105": ("inputs", [calls("reshape", "view"), ENTER]),
    "D111": ("links", [calls("WeightedRandomSampler")]),
    "D113": ("inputs", [shortens]),
    "S101": ("links", [calls("train_test_split"), JOINED]),
    "S102": ("links", [JOINED]),
    "S103": ("inputs", [takes_a_window, ENTER]),
    "S105": (
        "links",
        [
            calls("train_test_split", "random_split"),
            calls("KFold", "StratifiedKFold", "ShuffleSplit", "StratifiedShuffleSplit"),
            MIXED,
        ],
    ),
    "S106": ("links", [MIXED]),
    "S107": (
        "inputs",
        [
            calls("fit_transform"),
            calls("fit"),
            calls("svd", "eigh", "eig", "pca_lowrank", "svd_lowrank"),
            calls("scale", "zscore", "minmax_scale"),
            calls("mean", "std"),
            calls("min", "max", "amin", "amax"),
        ],
    ),
    "T101": ("links", [draws]),
    "T104": ("links", [calls("Normalize", "normalize"), calls("ToTensor", "ToImage"), ENTER]),
    "T109": ("inputs", [computes(ast.Sub), computes(ast.Add)]),
    "Y102": ("labels", [computes(ast.Add)]),
    "Y108": ("labels", [calls("interpolate", "resize", "Resize")]),
    "Y109": (
        "inputs",
        [
            calls("flip", "hflip", "vflip", "fliplr", "flipud", "RandomHorizontalFlip"),
            calls("RandomCrop", "RandomResizedCrop", "crop", "random_crop", "RandomVerticalFlip"),
        ],
    ),
    "Y110": ("labels", [computes(ast.Add, ast.Sub, ast.Mod, ast.Mult), JOINED]),
}
# made where a sample is read as often as where the data set is built
IN_THE_CLASS = ("D101", "D102", "D103", "D104", "D105", "D113", "T101", "Y108", "Y109")

# where a loader has a sampler, it decides which samples are read, and how often
OF_THE_SAMPLER = ("D111", "Y103")


def pointed(code: str, place: Place | None, dataset: Any = None) -> Place | None:
    """The better line for a finding about the data of a loader.

    Args:
        code: of the finding.
        place: where the loader was built.
        dataset: what it reads, where that is known.

    Returns:
        The statement that bears the sign of this mistake on the data's way to the loader; else the
        one that builds the data set; else `place`.
    """
    lineage = None
    if place is not None and code in OF_THE_SAMPLER:
        lineage = lineage_of(place, "sampler", classes_within(dataset))
    if place is not None and lineage is None and code != "D111":
        lineage = lineage_of(place, "dataset", classes_within(dataset))
    if place is None or lineage is None:
        return place
    return Place(place.file, _line_in(code, lineage) or lineage.made)


def built_at(place: Place | None) -> Place | None:
    """The statement that builds the data set of a loader, or else the loader.

    Args:
        place: where the loader was built.
    """
    lineage = lineage_of(place) if place is not None else None
    return place if place is None or lineage is None else Place(place.file, lineage.made)


def pointed_from_call(code: str, place: Place | None, loss: Place | None) -> Place | None:
    """The better line for a finding about data that a program gives to its network by hand.

    Args:
        code: of the finding.
        place: where the network was called, with its column and way.
        loss: the same of the loss.
    """
    if place is None:
        return None
    return Place(place.file, _line_in(code, lineage_of_call(place, loss)) or place.line)


def pointed_from_name(code: str, name: str, place: Place | None) -> Place | None:
    """The better line for a finding about an array of the program.

    Args:
        code: of the finding.
        name: as the program calls the array.
        place: a line within its scope, with its way.
    """
    if place is None:
        return None
    lineage = lineage_of_name(name, place)
    return Place(place.file, _line_in(code, lineage) or lineage.made)


def _line_in(code: str, lineage: Lineage) -> int | None:
    if code == "Y101":
        return _where_orders_part(lineage)
    where, signs = SIGNS.get(code, ("links", ()))
    links = getattr(lineage, where) or lineage.links
    inside = lineage.inside if code in IN_THE_CLASS else []
    return _first(signs, links, inside, lineage.called, lineage.links)


def classes_within(dataset: Any) -> list[str]:
    """Names of the user's classes that take part in reading a sample."""
    names: list[str] = []
    todo = [dataset]
    while todo and len(names) < 16:
        thing = todo.pop(0)
        if is_holder(thing):
            names.append(type(thing).__name__)
            todo += [v for v in vars(thing).values() if hasattr(v, "__dict__")][:16]
    return list(dict.fromkeys(names))


def shows(code: str, place: Place | None, dataset: Any = None) -> bool:
    """Whether the source bears the sign of a mistake that the data alone cannot prove."""
    lineage = None
    if place is not None:
        lineage = lineage_of(place, classes=classes_within(dataset))
    if lineage is None:
        return False
    where, signs = SIGNS[code]
    return _first(signs, getattr(lineage, where) or lineage.links, lineage.inside) is not None


def _first(signs: Sequence[Sign], *groups: list[Link]) -> int | None:
    for sign in signs:
        for links in groups:
            for link in links:
                if any(sign(node) for node in link.nodes()):
                    return link.line
    return None


def _where_orders_part(lineage: Lineage) -> int | None:
    """A statement that orders the inputs and not the labels, or the other way round."""
    mine = {link.line: link.parts for link in lineage.inputs}
    theirs = {link.line: link.parts for link in lineage.labels}
    alone = [k for k in lineage.inputs if k.line not in theirs]
    alone += [k for k in lineage.labels if k.line not in mine]
    own = [k.line for k in alone if any(_is_of(node, k.name) for node in k.nodes())]
    found = _first([LISTED], alone) or (own[0] if own else _first([reorders, ENTER], alone))
    return found or _first([draws_an_order], lineage.called)


def _is_of(node: ast.AST, name: str) -> bool:
    """`x[order]` on the right of `x = …`."""
    return reorders(node) and isinstance(node.value, ast.Name) and node.value.id == name  # type: ignore[attr-defined]
