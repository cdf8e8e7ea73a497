"""Slips of Python around tensors: the wrong thing called, unpacked, joined or looked up."""

from __future__ import annotations

from lamplighter.explain.kind import Case, Kind


def _unpacked(case: Case) -> str:
    if case["wanted"]:
        return (
            f"The line takes {case['wanted']} values apart and got {case['got']}: the loader, the data "
            "set or the network gives fewer than the line names."
        )
    return (
        f"The line takes {case['few']} values apart and there are more: a network with auxiliary "
        "outputs, a data set that also gives an index, or a tensor whose rows were meant as one value."
    )


def _missing_argument(case: Case) -> str:
    if case["name"] == "'self'":
        return (
            f"`{case['call']}` was called on the class and not on an object of it: the object is what "
            "has layers, gradients and state."
        )
    return f"`{case['call']}` was called without {case['name']}."


SLIPS: tuple[Kind, ...] = (
    Kind(
        "tensor-called",
        "a tensor called like a function",
        r"'(?P<what>Tensor|Parameter|float|int|list)' object is not callable",
        "A name that held a function or a layer now holds a {what}. Most often the result was given the "
        "name of the loss or of the layer: `loss = loss(answers, labels)` works once and fails the second time.",
        (
            "criterion = nn.CrossEntropyLoss(); loss = criterion(answers, labels)   # two names",
            "x.shape, x.size(0)   # shape is no function",
        ),
    ),
    Kind(
        "loader-as-list",
        "a DataLoader used as a list or an old iterator",
        r"'DataLoader' object is not subscriptable|'(?P<it>\w*DataLoader\w*)' object has no attribute 'next'|'DataLoader' object is not an iterator",
        "A DataLoader is walked over, from the first batch to the last; it has no n-th batch and no .next().",
        (
            "images, labels = next(iter(loader))   # one batch",
            "for images, labels in loader: …",
            "loader.dataset[0]   # one sample",
        ),
    ),
    Kind(
        "unpacking",
        "another number of values than the line takes apart",
        r"not enough values to unpack \(expected (?P<wanted>\d+), got (?P<got>\d+)\)|too many values to unpack \(expected (?P<few>\d+)",
        _unpacked,
        (
            "print(type(batch), len(batch))   # what it really is",
            "output = model(x); output = output[0] if isinstance(output, tuple) else output",
        ),
    ),
    Kind(
        "name-undefined",
        "a name that nothing was given to",
        r"name '(?P<name>\w+)' is not defined|cannot access local variable '(?P<local>\w+)'",
        lambda case: (
            f"`{case['name']}` stands nowhere before this line: a misspelling, a forgotten import, or "
            "a notebook cell that was not run."
            if case["name"]
            else f"`{case['local']}` is given a value only on a way through the function that was not "
            "taken, such as a loop over an empty loader."
        ),
        lambda case: (
            {
                "nn": "from torch import nn",
                "F": "import torch.nn.functional as F",
                "np": "import numpy as np",
                "plt": "import matplotlib.pyplot as plt",
                "optim": "from torch import optim",
                "device": 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
            }.get(case["name"], "give it a value, or import it, before this line"),
        ),
        types=("NameError", "UnboundLocalError"),
    ),
    Kind(
        "arguments-of-the-class",
        "the class was given what its object should be given",
        r"(?P<name>\w+)\.__init__\(\) takes 1 positional argument but (?P<n>\d+) were given",
        "`{name}(…)` makes a network, and its __init__ takes nothing: the class was called with the "
        "pictures, and no object of it was made.",
        ("model = {name}()   # once", "answers = model(images)"),
    ),
    Kind(
        "argument-missing",
        "a call without something that it needs",
        r"(?P<call>[\w.]+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (?P<name>['\w]+)",
        _missing_argument,
        lambda case: (
            (f"{case['call'].split('.')[0].lower()} = {case['call'].split('.')[0]}(…)   # an object",)
            if case["name"] == "'self'"
            else (f"lamp explain {case['call'].split('.')[0]}   # what the layer wants",)
        ),
        types=("TypeError",),
    ),
    Kind(
        "method-not-called",
        "a method named and not called",
        r"'(?:builtin_function_or_method|method|function)' object is not (?:iterable|subscriptable)|unsupported operand type\(s\) for \S+ '(?:method|builtin_function_or_method)'",
        "The parentheses are missing: the method itself was handed on, not what it gives.",
        ("optimizer = torch.optim.SGD(model.parameters(), lr=0.1)   # parameters()", "loss.item()"),
    ),
    Kind(
        "nothing-in-arithmetic",
        "arithmetic with None",
        r"unsupported operand type\(s\) for [^:]+: '(?:\w+' and 'NoneType|NoneType' and '\w+)'",
        "One of the two is None: a function or forward() without `return`, a gradient before backward(), "
        "or x = layer.apply_(…) of something that returns nothing.",
        ("return x   # at the end of forward()", "print(a, b)   # which of them is None"),
    ),
    Kind(
        "number-of-no-dimension",
        "a single number used like a list",
        r"(?:len\(\) of|iteration over) a 0-d (?:tensor|array)",
        "The tensor is one number without any dimension: it has no length and nothing to walk over. A "
        "batch of one squeezed, or a loss, looks so.",
        ("x.unsqueeze(0)   # a batch of one", "x.squeeze(1)   # name the dimension, so that a batch of one stays"),
    ),
    Kind(
        "too-many-indices",
        "more indices than dimensions",
        r"too many indices for (?:tensor|array)(?: of dimension (?P<n>\d+)|: array is (?P<m>\d+)-dimensional)",
        lambda case: (
            f"The tensor has {case['n'] or case['m']} dimension(s) and more were named in the brackets."
        ),
        ("print(x.shape)   # before this line",),
    ),
    Kind(
        "tensors-not-a-list",
        "cat or stack wants a list of tensors",
        r"argument 'tensors' \(position 1\) must be tuple of Tensors, not (?P<a>\w+)|expected Tensor as element (?P<i>\d+) in argument 0, but got (?P<b>\w+)",
        lambda case: (
            f"Element {case['i']} of the list is a {case['b']} and no tensor."
            if case["i"]
            else f"torch.cat and torch.stack take one list (or tuple) of tensors, and got a {case['a']}."
        ),
        ("torch.cat([a, b], dim=1)   # brackets around them", "torch.as_tensor(x)   # for numbers and arrays"),
    ),
    Kind(
        "infer-dtype",
        "no tensor can be made of this",
        r"Could not infer dtype of (?P<a>[\w.]+)|Got unsupported ScalarType (?P<half>\w+)",
        lambda case: (
            f"NumPy has no {case['half']}." if case["half"] else f"A {case['a']} holds no plain numbers."
        ),
        (
            "x.float().numpy()   # from bfloat16",
            "torch.tensor([row[name] for name in names])   # the numbers of a dictionary",
            "transforms.ToTensor()(picture)   # for a PIL picture",
        ),
    ),
    Kind(
        "layer-size-no-number",
        "a layer's size that is no whole number",
        r"argument 'size' (?:failed to unpack the object at pos \d+ with error \"type must be tuple of ints,but got (?P<a>\w+)\"|\(position 1\) must be tuple of ints, (?:but found element of type|not) (?P<b>\w+))",
        lambda case: (
            f"A layer was made with a size of type {case['a'] or case['b']}: `/` gives fractions also "
            "where it divides evenly, and settings read from a file are often texts."
        ),
        ("nn.Linear(channels * side // 2, 10)   # // stays whole", "int(value)"),
    ),
    Kind(
        "layer-name",
        "a name that a layer cannot have",
        r"module name can\\?'t (?:contain \"\.\", got: (?P<dot>[\w.]+)|be empty string)|attribute '(?P<taken>\w+)' already exists",
        lambda case: (
            f"`{case['taken']}` is already the name of a layer, parameter or method of this module."
            if case["taken"]
            else "The dot parts a network's name from its layers' names, so no name may hold one."
        ),
        ('nn.ModuleDict(dict(block_1=layer))   # an underscore', "another name"),
    ),
    Kind(
        "samples-with-other-keys",
        "samples with different keys in one batch",
        r"^'(?P<key>[\w.-]+)'$",
        "The samples of one batch are dictionaries, and not each has {key!r}: the loader takes the keys of "
        "the first.",
        ('give every sample the same keys; a missing value as 0, "" or torch.nan',),
        types=("KeyError",),
        via="torch/utils/data/_utils/collate.py",
    ),
)  # fmt: skip
