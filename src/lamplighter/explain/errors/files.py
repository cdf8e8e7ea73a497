"""Weights and models that do not open or do not fit."""

from __future__ import annotations

import re

from lamplighter.explain.kind import Case, Kind

_KEYS = re.compile(r'"([^"]+)"')


def _state_dict(case: Case) -> str:
    missing, unexpected = _missing(case), _unexpected(case)
    parts = [f"The file does not fit this {case['model']}:"]
    if missing:
        parts.append(f"{len(missing)} of the model's tensors are not in it ({_some(missing)}),")
    if unexpected:
        parts.append(
            f"{len(unexpected)} of its tensors the model has no place for ({_some(unexpected)})."
        )
    told = " ".join(parts).rstrip(",") + ("" if unexpected else ".")
    prefix = _prefix(missing, unexpected)
    if prefix:
        return f"{told} The names differ only by {prefix!r} in front: " + _PREFIXES.get(
            prefix, "the model was saved as a part of another one."
        )
    if unexpected and not _is_weights(unexpected):
        return f"{told} These are the parts of a checkpoint; the weights are inside one of them."
    return f"{told} Most likely the file belongs to another architecture or another version of the class."


_PREFIXES = {
    "module.": "it was saved from DataParallel or DistributedDataParallel.",
    "_orig_mod.": "it was saved from a model that torch.compile had wrapped.",
    "model.": "it was saved from a class that holds the model as self.model (Lightning does so).",
}


def _missing(case: Case) -> list[str]:
    return _listed(case.raised.message, "Missing key")


def _unexpected(case: Case) -> list[str]:
    return _listed(case.raised.message, "Unexpected key")


def _listed(message: str, head: str) -> list[str]:
    found = re.search(rf"{head}\(s\) in state_dict: ([^\n]*)", message)
    return _KEYS.findall(found[1]) if found else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _prefix(missing: list[str], unexpected: list[str]) -> str:
    """What stands in front of all the file's names and not of the model's."""
    for name in unexpected[:1]:
        for wanted in missing:
            if name != wanted and name.endswith("." + wanted):
                return name.removesuffix(wanted)
    return ""


def _is_weights(names: list[str]) -> bool:
    return any(name.endswith(("weight", "bias", "running_mean")) for name in names)


def _state_dict_fixes(case: Case) -> tuple[str, ...]:
    missing, unexpected = _missing(case), _unexpected(case)
    prefix = _prefix(missing, unexpected)
    if prefix:
        return (
            f"state = {{name.removeprefix({prefix!r}): t for name, t in state.items()}}",
            "model.load_state_dict(state)",
            "lamp train … --weights FILE does it by itself",
        )
    if unexpected and not _is_weights(unexpected):
        inner = next(
            (n for n in unexpected if "state" in n or n in ("model", "net")), unexpected[0]
        )
        return (f'model.load_state_dict(checkpoint["{inner}"])',)
    return (
        "print(list(state)[:5], list(model.state_dict())[:5])   # compare the names",
        "load_state_dict(state, strict=False) says what it left out: read it, or nothing may be loaded",
    )


def _size(case: Case) -> str:
    layers = re.findall(
        r"size mismatch for ([\w.]+): copying a param with shape torch\.Size\(\[([\d, ]*)\]\) from checkpoint, the shape in current model is torch\.Size\(\[([\d, ]*)\]\)",
        case.raised.message,
    )
    name, saved, here = layers[0] if layers else (case["layer"], case["saved"], case["here"])
    told = f"`{name}` is ({saved}) in the file and ({here}) in this model."
    if saved.split(",")[0] != here.split(",")[0]:
        return (
            f"{told} The file was trained for {saved.split(',')[0]} outputs there and this model has "
            f"{here.split(',')[0]}: usual for the last layer, when the number of classes differs."
        )
    return told


def _refused(case: Case) -> str:
    return (
        f"The file holds more than tensors: opening it would import `{case['what']}`, and torch.load "
        "refuses that since version 2.6, because a pickle can run any code. That is right for a file of "
        "unknown origin."
    )


FILES: tuple[Kind, ...] = (
    Kind(
        "size-mismatch",
        "a tensor in the file has another size",
        r"size mismatch for (?P<layer>[\w.]+): copying a param with shape torch\.Size\(\[(?P<saved>[\d, ]*)\]\) from checkpoint, the shape in current model is torch\.Size\(\[(?P<here>[\d, ]*)\]\)",
        _size,
        lambda case: (
            "make the model with as many classes as the file, load, then put on the new last layer",
            f'state.pop("{case["layer"]}"); model.load_state_dict(state, strict=False)   # leaves that layer new',
        ),
    ),
    Kind(
        "state-dict-keys",
        "the names in the file are not those of the model",
        r"Error\(s\) in loading state_dict for (?P<model>\w+)",
        _state_dict,
        _state_dict_fixes,
    ),
    Kind(
        "state-dict-type",
        "load_state_dict was given something else",
        r"Expected state_dict to be dict-like, got <class '(?P<a>[\w.]+)'>",
        "load_state_dict wants a dictionary of tensors and got a {a}: the file holds a whole model, or "
        "the wrong object was passed.",
        ("model.load_state_dict(loaded.state_dict())",),
    ),
    Kind(
        "dict-not-model",
        "a dictionary of weights used as a model",
        r"'(?:dict|OrderedDict|collections\.OrderedDict)' object has no attribute '(?P<a>eval|to|cuda|parameters|state_dict|train|forward)'|'(?:dict|OrderedDict|collections\.OrderedDict)' object is not callable",
        "torch.load gave a dictionary (weights), not a network, and .{a}() was called on it.",
        ("model = Net(); model.load_state_dict(torch.load(path)); model.eval()",),
    ),
    Kind(
        "weights-only-refused",
        "torch.load refuses a file that would run code",
        r"Weights only load failed.*?Unsupported global: GLOBAL (?P<what>[\w.]+)",
        _refused,
        (
            "lamp doctor FILE   # says what the file is and what it would import, without opening it",
            "torch.save(model.state_dict(), path)   # where the file is made: weights only",
            "torch.load(path, weights_only=False)   # only for a file that you made yourself",
        ),
    ),
    Kind(
        "not-a-checkpoint",
        "the file is no torch file",
        r"Weights only load failed.*?(?:Unsupported operand|unpickling stack underflow|invalid load key)|invalid load key, '(?P<key>[^']*)'",
        "The file does not begin as a torch file does. Often it is a web page saved in place of the "
        'download ("<"), a Git LFS pointer ("v"), or a broken download.',
        (
            "lamp doctor FILE",
            "head -c 200 FILE",
            "git lfs pull   # if it is a pointer",
            "download it again and compare its size",
        ),
    ),
    Kind(
        "broken-checkpoint",
        "the file is damaged",
        r"PytorchStreamReader failed|failed finding central directory|unexpected EOF, expected (?P<more>\d+) more bytes",
        "The file is cut off or damaged: an interrupted download, or a save that was killed or met a full disk.",
        (
            "lamp doctor FILE",
            "take the checkpoint before it, or download it again",
            'torch.save(state, "tmp.pt"); os.replace("tmp.pt", path)   # a killed save then leaves the old file whole',
        ),
    ),
    Kind(
        "empty-checkpoint",
        "the file is empty",
        r"^(?:Ran out of input)?$",
        "torch.load or pickle reached the end at once: the file holds nothing, most likely because the "
        "save was interrupted or the disk was full.",
        ("ls -l FILE", "take the checkpoint before it, or download it again"),
        types=("EOFError",),
        via="torch/serialization.py",
    ),
    Kind(
        "class-missing",
        "the saved model's class is not there",
        r"Can't get attribute '(?P<name>\w+)' on <module '(?P<module>[\w.]+)'(?! \(built-in\))",
        "The file holds a whole model, pickled by the name of its class `{name}` in module `{module}`. "
        "Loading needs that class under the same name in the same module, and `{module}` here has none.",
        (
            "define or import {name} before torch.load, in the module from which it was saved",
            "torch.save(model.state_dict(), path)   # where it is made: weights only, and build the class anew",
        ),
        types=("AttributeError",),
    ),
    Kind(
        "cuda-checkpoint-on-cpu",
        "the file was saved on a GPU and this machine has none",
        r"Attempting to deserialize object on (?:a )?CUDA device",
        "The tensors in the file are marked for the GPU, and torch sees none here.",
        ('torch.load(path, map_location="cpu")', "lamp doctor   # if there should be a GPU"),
    ),
    Kind(
        "model-name",
        "no network of that name",
        r"Unknown model (?:\()?(?P<name>\S+?)\)?$",
        "There is no network called {name}.",
        ("lamp models   # all names", "print(torchvision.models.list_models())"),
    ),
    Kind(
        "optimizer-state",
        "the optimizer's state is of another model",
        r"loaded state dict (?:contains a parameter group that doesn't match the size of optimizer's group|has a different number of parameter groups)",
        "The checkpoint's optimizer had other parameters: layers were added, frozen or grouped differently since.",
        ("make the optimizer over the same parameters, or start it anew",),
    ),
)
