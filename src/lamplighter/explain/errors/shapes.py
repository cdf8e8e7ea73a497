"""Shapes that do not fit each other or the layer."""

from __future__ import annotations

from lamplighter.explain.errors.figures import (
    CONV_FORMULA,
    shape,
    shared_channels,
    sizes,
    squares,
)
from lamplighter.explain.kind import Case, Kind


def _is_linear(case: Case) -> bool:
    return case.trace.passes("nn/modules/linear.py") or not case.raised.frames


def _matmul_meaning(case: Case) -> str:
    rows, came, wanted, gives = (int(case[k]) for k in ("rows", "came", "wanted", "gives"))
    if not _is_linear(case):
        return (
            f"A matrix product needs as many columns on the left as rows on the right: the left "
            f"one is {rows}×{came}, the right one {wanted}×{gives}, and {came} is not {wanted}."
        )
    told = (
        f"The Linear layer wants {wanted} features per sample (and would give {gives}), but "
        f"{came} came in ({rows} rows of {came})."
    )
    missing = _unflattened(rows, came, wanted)
    if missing:
        channels, side, batch = missing
        return (
            f"{told} {wanted} = {channels}×{side}×{side}: it looks as if the picture was never "
            f"flattened, so that only its last dimension, {came}, reached the layer "
            f"({rows} rows = {batch} samples × {channels} channels × {side} lines)."
        )
    both = shared_channels(came, wanted)
    if both:
        channels, came_side, wanted_side = both
        larger = "larger" if came_side > wanted_side else "smaller"
        return (
            f"{told} {came} = {channels}×{came_side}×{came_side} where {wanted} = "
            f"{channels}×{wanted_side}×{wanted_side}: the pictures are {larger} than the layer was "
            f"written for, or a pooling or stride before it differs. After each convolution or "
            f"pooling {CONV_FORMULA}."
        )
    if came > 16 and squares(came):
        ways = " or ".join(f"{c}×{s}×{s}" for c, s in squares(came)[:2])
        return (
            f"{told} {came} may be {ways} (channels × height × width) after flattening. "
            f"After each convolution or pooling {CONV_FORMULA}."
        )
    return told


def _unflattened(rows: int, came: int, wanted: int) -> tuple[int, int, int] | None:
    channels, rest = divmod(wanted, came * came)
    if came > 1 and rest == 0 and channels >= 1 and rows % (channels * came) == 0:
        return channels, came, rows // (channels * came)
    return None


def _matmul_fixes(case: Case) -> tuple[str, ...]:
    rows, came, wanted, gives = (int(case[k]) for k in ("rows", "came", "wanted", "gives"))
    if not _is_linear(case):
        return ("print(a.shape, b.shape)", "a @ b.T   # if the right one lies the other way round")
    if _unflattened(rows, came, wanted):
        return (
            "x = torch.flatten(x, 1)   # keeps the batch, before the Linear layer",
            f"nn.Sequential(…, nn.Flatten(), nn.Linear({wanted}, {gives}))",
        )
    return (
        f"nn.Linear({came}, {gives})   # if {came} features is what you meant",
        f"nn.LazyLinear({gives})   # finds the number at the first batch",
        "nn.AdaptiveAvgPool2d(n) before flattening makes the number independent of the picture size",
        "print(x.shape) just before the layer",
    )


def _channels_meaning(case: Case) -> str:
    weight, came = sizes(case["weight"]), sizes(case["came"])
    wants, got = int(case["wants"]), int(case["got"])
    told = (
        f"The convolution wants {wants} channels and got {got}: its weight is {shape(weight)} "
        f"(out × in × kernel), the input {shape(came)}."
    )
    if came[-1] == wants and got != wants:
        return (
            f"{told} The last dimension is {wants}, so the picture lies as height × width × "
            f"channels; torch wants channels × height × width."
        )
    if got == 1 and wants == 3:
        return f"{told} The pictures are grey and the network was made for colour."
    if got == 3 and wants == 1:
        return f"{told} The pictures are in colour and the network was made for grey."
    if got == 4 and wants == 3:
        return f"{told} The pictures carry a fourth channel: transparency."
    return f"{told} The layer before it gives {got} channels."


def _channels_fixes(case: Case) -> tuple[str, ...]:
    came = sizes(case["came"])
    wants, got = int(case["wants"]), int(case["got"])
    if came[-1] == wants and got != wants:
        return (
            "x = x.permute(0, 3, 1, 2)   # not view or reshape: they would scramble the pixels",
            "transforms.ToTensor() does it when it is given the PIL picture or the uint8 array",
        )
    if got in (1, 4) and wants == 3:
        return ('image = image.convert("RGB")', f"nn.Conv2d({got}, …)   # or a layer for {got}")
    if got == 3 and wants == 1:
        return ("transforms.Grayscale()", "nn.Conv2d(3, …)")
    return (f"nn.Conv2d({got}, …)   # in_channels = out_channels of the layer before",)


def _dimensions_meaning(case: Case) -> str:
    came = sizes(case["came"])
    spatial = int(case["spatial"])
    layout = {1: "batch × channels × length", 2: "batch × channels × height × width"}.get(
        spatial, "batch × channels × depth × height × width"
    )
    return f"A {spatial}-dimensional convolution wants {layout} (or the same without batch); {shape(came)}, {len(came)} dimensions, came in."


def _dimensions_fixes(case: Case) -> tuple[str, ...]:
    came, spatial = sizes(case["came"]), int(case["spatial"])
    if len(came) == spatial:
        return (
            "x = x.unsqueeze(0).unsqueeze(0)   # a single grey picture: adds batch and channel",
            "x = x.unsqueeze(1)   # a batch of grey pictures: adds the channel",
        )
    if len(came) < spatial:
        return (
            "keep the picture's shape until the last convolution: flatten after it, not before",
        )
    return ("x = x.squeeze()   # takes off dimensions of size 1", "print(x.shape)")


def _kernel_meaning(case: Case) -> str:
    return (
        f"The kernel ({case['kernel']}) is larger than what reaches it ({case['came']}, padding "
        f"counted): the poolings and strides before this layer have shrunk the picture too far. "
        f"{CONV_FORMULA}."
    )


def _pool_meaning(case: Case) -> str:
    came, gives = sizes(case["came"]), sizes(case["gives"])
    return (
        f"The pooling would make {shape(gives)} out of {shape(came)} (channels × height × width): "
        f"nothing would be left. Every halving before it counts: a side of 32 pixels bears five "
        f"halvings, 224 bears seven. {CONV_FORMULA}."
    )


def _broadcast_meaning(case: Case) -> str:
    a, b, dim = case["a"], case["b"], case["dim"]
    return (
        f"An operation between two tensors, element by element, needs equal sizes or a size of 1; "
        f"in dimension {dim} one has {a} and the other {b}."
    )


def _view_meaning(case: Case) -> str:
    wanted, have = sizes(case["wanted"]), int(case["have"])
    fixed = 1
    for number in wanted:
        fixed *= number if number > 0 else 1
    if -1 in wanted:
        per = f"{have} is no multiple of {fixed}"
        if have > fixed:
            return f"{have} values cannot be laid out as {shape(wanted)}: {per} ({have} / {fixed} = {have / fixed:.4g})."
        return f"{have} values cannot be laid out as {shape(wanted)}: {per}."
    told = f"{have} values cannot be laid out as {shape(wanted)}, which holds {fixed}."
    if len(wanted) > 1 and wanted[0] > 1 and have % (fixed // wanted[0]) == 0:
        last = have // (fixed // wanted[0])
        return f"{told} It would fit a batch of {last}: the last batch of an epoch is smaller when the data does not divide evenly."
    return told


SHAPES: tuple[Kind, ...] = (
    Kind(
        "matmul-shape",
        "the features that come in are not what the layer wants",
        r"mat1 and mat2 shapes cannot be multiplied \((?P<rows>\d+)x(?P<came>\d+) and (?P<wanted>\d+)x(?P<gives>\d+)\)",
        _matmul_meaning,
        _matmul_fixes,
    ),
    Kind(
        "conv-channels",
        "the convolution wants another number of channels",
        r"weight of size (?P<weight>\[[\d, ]+\]), expected input(?P<came>\[[\d, ]+\]) to have (?P<wants>\d+) channels, but got (?P<got>\d+) channels",
        _channels_meaning,
        _channels_fixes,
    ),
    Kind(
        "conv-dimensions",
        "the convolution wants another number of dimensions",
        r"input to conv(?:_transpose)?(?P<spatial>\d)d, but got input of size: (?P<came>\[[\d, ]*\])",
        _dimensions_meaning,
        _dimensions_fixes,
    ),
    Kind(
        "kernel-larger-than-input",
        "the picture has become smaller than the kernel",
        r"padded input size per channel: \((?P<came>[^)]+)\)\. Kernel size: \((?P<kernel>[^)]+)\)",
        _kernel_meaning,
        (
            "train with larger pictures: transforms.Resize(…)",
            "nn.Conv2d(…, padding=kernel_size // 2)   # keeps the size",
            "take out one of the poolings or strides before it",
        ),
    ),
    Kind(
        "pooling-too-small",
        "the pooling leaves nothing",
        r"Given input size: \((?P<came>[\dx]+)\)\. Calculated output size: \((?P<gives>[-\dx]+)\)\. Output size is too small",
        _pool_meaning,
        (
            "train with larger pictures: transforms.Resize(…)",
            "take out one pooling or stride, or give it padding",
            "nn.AdaptiveAvgPool2d(1)   # works at any size",
        ),
    ),
    Kind(
        "view-not-contiguous",
        "view() on a tensor whose values do not lie in a row",
        r"view size is not compatible with input tensor's size and stride",
        "view() only re-reads the memory in order. After permute, transpose, or slicing the values lie "
        "in another order, so it cannot be done without copying.",
        ("x.reshape(…)   # copies when it must", "x.contiguous().view(…)", "torch.flatten(x, 1)"),
    ),
    Kind(
        "view-size",
        "the number of values does not fit the new shape",
        r"shape '(?P<wanted>\[[-\d, ]*\])' is invalid for input of size (?P<have>\d+)",
        _view_meaning,
        (
            "x = torch.flatten(x, 1)   # keeps the batch, whatever the size of the pictures",
            "x = x.view(x.size(0), -1)   # not a fixed batch size",
            "print(x.shape) just before the line",
        ),
    ),
    Kind(
        "broadcast",
        "two tensors of sizes that do not go together",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at non-singleton dimension (?P<dim>\d+)",
        _broadcast_meaning,
        (
            "print(a.shape, b.shape) just before the line",
            "a.unsqueeze(dim)   # adds the missing dimension; squeeze(dim) takes one off",
            "skip connections: bring both to one size with a 1×1 convolution or F.interpolate",
        ),
    ),
    Kind(
        "cat-sizes",
        "tensors to be joined differ in another dimension",
        r"Sizes of tensors must match except in dimension (?P<dim>\d+)\. Expected size (?P<a>\d+) but got size (?P<b>\d+) for tensor number (?P<n>\d+)",
        "torch.cat joins along dimension {dim}; all other dimensions must be equal, but tensor {n} "
        "(counted from 0) has {b} where the first has {a}. In U-Net-like networks this happens when the "
        "picture's side is not divisible by 2 as often as it is halved.",
        (
            "torch.cat([…], dim=…)   # the dimension in which they may differ",
            'x = F.interpolate(x, size=skip.shape[-2:], mode="nearest")   # before joining',
            "pad or resize pictures to a multiple of 32",
        ),
    ),
    Kind(
        "cat-empty",
        "an empty list of tensors",
        r"expect(?:ed|s) a non-empty (?:list of Tensors|TensorList)",
        "torch.cat or torch.stack was given an empty list: the loop that fills it never ran. Often the "
        "loader is empty (no files found, or fewer samples than the batch with drop_last=True).",
        ("print(len(dataset), len(loader))", "drop_last=False for small sets"),
    ),
    Kind(
        "dimension-out-of-range",
        "a dimension that the tensor does not have",
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+), (?P<high>-?\d+)\], but got (?P<got>-?\d+)\)",
        "dim={got} was asked of a tensor that has dimensions {low} to {high}. Often a single sample came "
        "where a batch was expected, or squeeze() took off the batch dimension too.",
        (
            "x = x.unsqueeze(0)   # puts the batch back",
            "x.squeeze(1)   # name the dimension: squeeze() alone removes a batch of 1 as well",
            "dim=-1 counts from the end",
        ),
    ),
    Kind(
        "permute-dimensions",
        "permute() must name every dimension once",
        r"input\.dim\(\) = (?P<has>\d+) is not equal to len\(dims\) = (?P<named>\d+)",
        "The tensor has {has} dimensions and permute named {named}.",
        (
            "x.permute(2, 0, 1)   # one picture, height × width × channels",
            "x.permute(0, 3, 1, 2)   # a batch of them",
        ),
    ),
    Kind(
        "ambiguous-truth",
        "a tensor of several values used as yes or no",
        r"Boolean value of Tensor with (?P<how>more than one value|no values) is ambiguous",
        "`if`, `and`, `or`, `not` or `in` wants one yes or no, and the tensor holds {how}. It also happens "
        "when a loss class is called with the tensors where it wants its settings: "
        "nn.CrossEntropyLoss(outputs, labels).",
        (
            "(a == b).all() or .any()",
            "a & b, a | b, ~a   # element by element",
            "loss = nn.CrossEntropyLoss()(outputs, labels)   # make it, then call it",
        ),
    ),
    Kind(
        "not-a-scalar",
        "a tensor of several values used as one number",
        r"a Tensor with (?P<n>\d+) elements cannot be converted to Scalar|only one element tensors can be converted to Python scalars",
        "item(), float() or int() wants a tensor with one value; this one holds {n}.",
        ("x.mean().item()", "x.tolist()   # all of them"),
    ),
    Kind(
        "index-out-of-range",
        "an index past the end",
        r"index (?P<i>-?\d+) is out of bounds for dimension (?P<dim>\d+) with size (?P<size>\d+)",
        "Index {i} was asked of dimension {dim}, which has {size} entries, numbered from 0.",
        (
            "check __len__ of the data set against what __getitem__ can give",
            "labels must run from 0 to the number of classes − 1",
        ),
    ),
)
