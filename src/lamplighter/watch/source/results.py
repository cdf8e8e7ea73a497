"""Which calls only give a result, so that a line which drops it does nothing."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

_SHAPES = {
    "view", "reshape", "permute", "transpose", "flatten", "squeeze", "unsqueeze", "expand", "repeat",
    "flip", "fliplr", "flipud", "roll", "rot90", "swapaxes", "moveaxis", "movedim", "contiguous",
}  # fmt: skip
_VALUES = {
    "clamp", "clip", "abs", "sqrt", "log", "exp", "pow", "add", "sub", "mul", "div", "softmax",
    "log_softmax", "sigmoid", "tanh", "relu", "masked_fill", "nan_to_num", "normalize",
}  # fmt: skip
_TENSOR = _SHAPES | _VALUES | {
    "float", "double", "half", "bfloat16", "long", "int", "bool", "to", "cpu", "cuda", "type",
    "type_as", "detach", "clone", "index_fill", "scatter", "t",
}  # fmt: skip
_ARRAY = {
    "astype", "reshape", "transpose", "flatten", "ravel", "squeeze", "clip", "repeat", "round",
    "swapaxes",
}  # fmt: skip
_NUMPY = _SHAPES | _VALUES | {
    "ravel", "expand_dims", "delete", "insert", "append", "concatenate", "stack", "hstack", "vstack",
    "sort", "pad", "resize", "permutation", "round", "tile",
}  # fmt: skip
_TORCH = _SHAPES | _VALUES | {"cat", "concat", "stack", "where", "dropout"}
# what gives a new tensor and has no other effect, as a method or a function of torch; `x.cpu()` also
# waits for the device, as who takes the time wants it
NEW_TENSORS = frozenset(_TENSOR | _TORCH | {
    "masked_scatter", "masked_select", "index_select", "index_add", "index_copy", "index_put",
    "scatter_add", "scatter_reduce", "gather", "clamp_min", "clamp_max", "tril", "triu", "neg", "round",
    "floor", "ceil", "sign", "reciprocal", "rsqrt", "square", "log1p", "expm1", "lerp", "cumsum",
    "cumprod", "addcmul", "addcdiv", "narrow", "swapdims", "normal", "bernoulli", "dropout2d",
    "alpha_dropout", "layer_norm", "gelu", "silu", "elu", "leaky_relu", "selu",
    "max_pool2d", "avg_pool2d", "interpolate", "pad", "one_hot", "renorm",
} - {"cpu"})  # fmt: skip
_PICTURE = {"resize", "rotate", "transpose", "convert", "crop", "filter", "point"}
_TEXT = {"lower", "upper", "strip", "replace", "title"}
_TABLE = {
    "drop", "dropna", "fillna", "replace", "sort_values", "reset_index", "rename", "astype", "sample",
    "drop_duplicates", "set_index", "merge", "clip", "apply",
}  # fmt: skip
_OPERATIONS = {
    "hflip", "vflip", "resize", "crop", "center_crop", "rotate", "normalize", "to_tensor", "pad",
    "to_grayscale", "affine", "horizontal_flip", "vertical_flip", "to_image", "to_dtype", "mirror",
    "flip", "grayscale", "autocontrast", "equalize", "invert", "gaussian_blur", "adjust_brightness",
    "adjust_contrast", "convert_image_dtype", "resized_crop", "scale",
}  # fmt: skip


def only_gives(call: ast.Call, names: Mapping[str, Any]) -> bool:
    """Whether a call changes nothing but gives a result.

    Args:
        call: of the user's source.
        names: what the names in it stand for; the user's code is not run.
    """
    if any(k.arg in ("inplace", "out", "copy") for k in call.keywords):
        return False
    function = call.func
    if isinstance(function, ast.Name):
        made = names.get(function.id)
        return made is sorted or is_transform(made) or _is_operation(made)
    if not isinstance(function, ast.Attribute):
        return False
    owner = resolved(function.value, names)
    if owner is None:
        return False
    if isinstance(owner, types.ModuleType):
        return _of_module(owner, function.attr)
    if _of_type(owner, function.attr):
        return True
    inner = _attribute(owner, function.attr)
    return is_transform(inner)


def resolved(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What an expression of names and attributes stands for, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value, names)
        return None if owner is None else _attribute(owner, node.attr)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def is_transform(thing: Any) -> bool:
    """Whether a thing is a transform of torchvision that leaves its input alone."""
    module = type(thing).__module__
    return module.startswith("torchvision.transforms") and not getattr(thing, "inplace", False)


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, torch.nn.Module):
        return owner.__dict__.get(name, owner._modules.get(name))
    if isinstance(owner, types.ModuleType):
        return vars(owner).get(name)
    try:
        found = inspect.getattr_static(owner, name)
    except AttributeError:
        return None
    return None if isinstance(found, property) else found


def _of_module(module: types.ModuleType, name: str) -> bool:
    full = module.__name__
    if full in ("numpy", "numpy.random"):
        return name in _NUMPY
    if full in ("torch", "torch.nn.functional"):
        return name in _TORCH
    return full.startswith(("torchvision.transforms", "PIL.ImageOps")) and name in _OPERATIONS


def _is_operation(made: Any) -> bool:
    """A function of torchvision or Pillow, or of NumPy or torch, that was imported by name."""
    if not isinstance(made, types.FunctionType | types.BuiltinFunctionType):
        return False
    module = getattr(made, "__module__", "") or ""
    return module.startswith(("torchvision.transforms", "PIL.ImageOps")) and (
        made.__name__ in _OPERATIONS
    )


def _of_type(owner: Any, name: str) -> bool:
    if isinstance(owner, torch.Tensor):
        return name in _TENSOR
    if isinstance(owner, np.ndarray):
        return name in _ARRAY
    if isinstance(owner, str):
        return name in _TEXT
    module = type(owner).__module__
    if module.startswith("PIL."):
        return name in _PICTURE
    if module.startswith("pandas."):
        return name in _TABLE
    return module.startswith("sklearn.") and name in ("transform", "inverse_transform")
