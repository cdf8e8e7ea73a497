"""Numbers of the wrong kind: whole where fractions are wanted, double, half, bytes, arrays."""

from __future__ import annotations

from lamplighter.explain.kind import Case, Kind

_WORDS = {
    "long": "whole numbers (int64)",
    "int": "whole numbers (int32)",
    "unsigned char": "bytes (uint8, 0–255)",
    "byte": "bytes (uint8, 0–255)",
    "double": "double precision (float64, NumPy's default)",
    "float": "single precision (float32)",
    "half": "half precision (float16)",
    "bfloat16": "bfloat16",
    "bool": "yes/no values",
}


def _word(name: str) -> str:
    return _WORDS.get(name.lower().removeprefix("torch.").removesuffix("tensor"), name)


def _mismatch(case: Case) -> str:
    return (
        f"The input is of {_word(case['a'])} and the layer's weights of {_word(case['b'])}; both must "
        "be the same kind."
    )


def _mismatch_fixes(case: Case) -> tuple[str, ...]:
    name = case["a"].lower()
    if name in ("unsigned char", "byte"):
        return (
            "images = images.float() / 255",
            "transforms.ToTensor()   # makes float32 between 0 and 1",
        )
    if name == "double":
        return (
            "x = x.float()",
            "torch.from_numpy(array).float()   # NumPy makes float64 unless told otherwise",
        )
    if name in ("half", "bfloat16"):
        return (
            'with torch.autocast("cuda"): …   # and leave model and data in float32',
            "x = x.to(model_weight.dtype)",
        )
    if case["b"].lower() in ("half", "bfloat16", "double"):
        return ("model = model.float()", f"x = x.{case['b'].lower()}()")
    return ("x = x.float()", "torch.tensor(values, dtype=torch.float32)")


def _not_implemented(case: Case) -> str:
    dtype, operation = case["dtype"], case["op"]
    if dtype in ("Half", "BFloat16"):
        return (
            f"{operation} has no {_word(dtype)} version on this device. Half precision is meant for the "
            "GPU; on the CPU many operations want float32."
        )
    return f"{operation} works on fractions, and the tensor is of {_word(dtype)}."


def _not_implemented_fixes(case: Case) -> tuple[str, ...]:
    if case["dtype"] in ("Half", "BFloat16"):
        return ("model.float(); x = x.float()   # on the CPU", 'model.to("cuda")   # or on the GPU')
    return ("x = x.float()",)


DTYPES: tuple[Kind, ...] = (
    Kind(
        "dtype-matmul",
        "input and weights are numbers of different kinds",
        r"mat1 and mat2 must have the same dtype, but got (?P<a>\w+) and (?P<b>\w+)",
        _mismatch,
        _mismatch_fixes,
    ),
    Kind(
        "dtype-layer",
        "input and weights are numbers of different kinds",
        r"Input type \((?!torch\.cuda|\w*cuda)(?P<a>[\w ]+?)\) and (?:weight|bias) type \((?P<b>[\w ]+?)\) should be the same",
        _mismatch,
        _mismatch_fixes,
    ),
    Kind(
        "dtype-not-implemented",
        "the operation does not exist for this kind of number",
        r'"(?P<op>[\w:]+)" not implemented for \'(?P<dtype>\w+)\'',
        _not_implemented,
        _not_implemented_fixes,
    ),
    Kind(
        "dtype-embedding",
        "an embedding wants whole numbers",
        r"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got (?P<a>[\w.]+)",
        "nn.Embedding looks up rows by number and got {a}, which holds fractions.",
        ("tokens = tokens.long()", "torch.tensor(ids, dtype=torch.long)"),
    ),
    Kind(
        "dtype-expected",
        "two kinds of numbers in one operation",
        r"expected (?:m1 and m2 to have the same dtype|scalar type (?P<b>\w+) but found (?P<a>\w+))|Found dtype (?P<c>\w+) but expected (?P<d>\w+)|Input type \(torch\.(?:cuda\.|mps\.)?(?P<e>\w+)\) and weight type \(torch\.(?:cuda\.|mps\.)?(?P<f>\w+)\)",
        lambda case: (
            f"The operation wants {_word(case['b'] or case['d'] or case['f'])} and found "
            f"{_word(case['a'] or case['c'] or case['e'])}."
        ),
        lambda case: (
            ("targets = targets.float()   # BCE and MSE compare fractions with fractions",)
            if (case["a"] or case["c"]) in ("Long", "Int", "Bool")
            else ("x = x.float()", "torch.from_numpy(array).float()")
        ),
    ),
    Kind(
        "dtype-result",
        "the result is of fractions, the target of whole numbers",
        r"result type (?P<a>\w+) can't be cast to the desired output type (?P<b>\w+)",
        "An operation in place, or a loss, would have to put {a} values into a {b} tensor.",
        ("targets = targets.float()", "x = x.float()   # before the operation in place"),
    ),
    Kind(
        "dtype-mean",
        "the mean of whole numbers",
        r"mean\(\): could not infer output dtype\..*Got: (?P<a>\w+)",
        "mean() of {a} values has no kind of number to answer in. Counting right answers gives whole "
        "numbers or yes/no values.",
        ("(answers == labels).float().mean()",),
    ),
    Kind(
        "numpy-object",
        "an array that does not hold plain numbers",
        r"can't convert np\.ndarray of type numpy\.(?P<a>\w+)",
        "The array is of type {a}: texts, mixed values, or rows of different lengths. From a table, one "
        "column that is not a number makes the whole array so.",
        (
            "array = array.astype(np.float32)",
            'table.dtypes   # which column is "object"; then pd.to_numeric(column, errors="coerce")',
        ),
    ),
    Kind(
        "numpy-negative-stride",
        "an array that is read backwards",
        r"At least one stride in the given numpy array is negative",
        "A slice like [:, :, ::-1] (BGR to RGB) or np.flip is a view read backwards, which torch cannot share.",
        ("torch.from_numpy(array.copy())", "np.ascontiguousarray(array)"),
    ),
    Kind(
        "ragged-list",
        "rows of different lengths",
        r"expected sequence of length (?P<a>\d+) at dim (?P<dim>\d+) \(got (?P<b>\d+)\)",
        "torch.tensor wants rows of equal length; one has {a} and another {b} values.",
        ("nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)",),
    ),
    Kind(
        "not-a-tensor",
        "a layer was given something that is no tensor",
        r"argument '(?P<arg>\w+)' \(position (?P<n>\d+)\) must be Tensor, not (?P<a>[\w.]+)",
        lambda case: {
            "tuple": f"`{case['arg']}` is a tuple. LSTM, GRU and MultiheadAttention return several things, "
            "so that they cannot stand in nn.Sequential as they are.",
            "numpy.ndarray": f"`{case['arg']}` is a NumPy array; layers want tensors.",
            "list": f"`{case['arg']}` is a list; layers want one tensor with a batch dimension.",
            "NoneType": f"`{case['arg']}` is None: a forward() before it ends without `return`.",
        }.get(case["a"], f"`{case['arg']}` is a {case['a']}; the layer wants a tensor."),
        lambda case: {
            "tuple": ("outputs, _ = self.lstm(x)", "x = outputs[:, -1]"),
            "numpy.ndarray": ("torch.from_numpy(x).float()",),
            "list": ("torch.stack(x)",),
            "NoneType": ("return x   # at the end of forward()",),
        }.get(case["a"], ("print(type(x))",)),
    ),
)
