"""Calls of torch with arguments that it does not take, or that do not go together."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Kind

CALLS: tuple[Kind, ...] = (
    Kind(
        "batched-matmul-shape",
        "a product of batches of matrices that do not fit",
        r"Expected size for first two dimensions of batch2 tensor to be: \[(?P<want>[\d, ]+)\] but got: \[(?P<got>[\d, ]+)\]",
        lambda case: (
            f"The right tensor should begin {shape(sizes(case['want']))} (batch × columns of the left one) "
            f"and begins {shape(sizes(case['got']))}."
        ),
        ("a @ b.transpose(1, 2)", "print(a.shape, b.shape)"),
    ),
    Kind(
        "matrix-vector-shape",
        "a product of a matrix and a vector that do not fit",
        r"size mismatch, got input \(\d+\), mat \((?P<mat>[\dx]+)\), vec \((?P<vec>\d+)\)|inconsistent tensor size, expected tensor \[(?P<a>\d+)\] and src \[(?P<b>\d+)\]",
        lambda case: (
            f"The matrix is {case['mat'].replace('x', '×')} and the vector has {case['vec']} values: "
            "as many as the matrix has columns are needed."
            if case["mat"]
            else f"The dot product of {case['a']} with {case['b']} values needs equal numbers."
        ),
        ("print(a.shape, b.shape)",),
    ),
    Kind(
        "expand-shape",
        "a tensor that cannot be spread to the wanted size",
        r"The expanded size of the tensor \((?P<want>\d+)\) must match the existing size \((?P<has>\d+)\) at non-singleton dimension (?P<dim>\d+)",
        "In dimension {dim} the tensor has {has} entries and {want} are wanted; only a size of 1 can be "
        "spread. It also happens when a slice is given a tensor of another size, x[…] = y.",
        ("print(x.shape, y.shape)", "x = x.unsqueeze(dim)   # a size of 1 where it should spread"),
    ),
    Kind(
        "mask-shape",
        "a mask of another size than the tensor",
        r"The shape of the mask \[(?P<mask>[\d, ]*)\] at index (?P<dim>\d+) does not match the shape of the indexed tensor \[(?P<has>[\d, ]*)\]",
        "The mask is [{mask}] and the tensor [{has}]; they differ in dimension {dim}.",
        ("print(mask.shape, x.shape)", "the last batch is smaller: make the mask from the batch"),
    ),
    Kind(
        "cat-dimensions",
        "tensors with different numbers of dimensions joined",
        r"Tensors must have same number of dimensions: got (?P<a>\d+) and (?P<b>\d+)",
        "torch.cat was given tensors of {a} and {b} dimensions.",
        ("torch.cat([a, b.unsqueeze(1)], dim=1)", "torch.stack([…])   # equal shapes, new dimension"),
    ),
    Kind(
        "texts-as-numbers",
        "texts where numbers are wanted",
        r"too many dimensions 'str'|new\(\): invalid data type 'str'",
        "torch.tensor was given texts. Class names must become numbers first.",
        (
            "classes = sorted(set(names)); labels = [classes.index(name) for name in names]",
            "torch.tensor(labels)",
        ),
    ),
    Kind(
        "index-dtype",
        "an index that is no whole number",
        r"tensors used as indices must be long, int, byte or bool tensors",
        "A tensor of fractions was used as an index.",
        ("x[index.long()]",),
    ),
    Kind(
        "bool-arithmetic",
        "yes/no values subtracted",
        r"Subtraction, the `-` operator, with (?:two bool tensors|a bool tensor) is not supported",
        "Tensors of yes/no values cannot be subtracted.",
        ("~mask   # not", "a ^ b   # where they differ", "a.int() - b.int()"),
    ),
    Kind(
        "numpy-broadcast",
        "arrays of sizes that do not go together",
        r"operands could not be broadcast together with shapes (?P<a>\([\d, ]*\)) (?P<b>\([\d, ]*\))",
        "An operation of NumPy between arrays of {a} and {b}: sizes must be equal or 1, counted from the right.",
        ("print(a.shape, b.shape)",),
    ),
    Kind(
        "picture-size-fixed",
        "a network that takes one picture size only",
        r"Wrong image (?P<side>height|width)! Expected (?P<want>\d+) but got (?P<got>\d+)",
        "A vision transformer is made for pictures of {want} pixels, and the {side} is {got}.",
        ("transforms.Resize(({want}, {want}))", "vit_b_16(image_size={got}, weights=None)   # without pretrained weights"),
    ),
    Kind(
        "loader-setting",
        "a setting of DataLoader that it does not take",
        r"batch_size should be a positive integer value, but got batch_size=(?P<batch>\S+)|num_workers option should be non-negative|(?P<what>persistent_workers|prefetch_factor) option (?:needs|could only)",
        lambda case: (
            f"batch_size is {case['batch']}; it must be a whole number from 1."
            if case["batch"]
            else f"{case['what']} is for workers, and num_workers is 0."
            if case["what"]
            else "num_workers must be 0 or more."
        ),
        ("DataLoader(dataset, batch_size=32, num_workers=2, persistent_workers=True)",),
    ),
    Kind(
        "scaler-unused",
        "GradScaler stepped without a scaled loss",
        r"Attempted (?:step|unscale_) but _scale is None",
        "scaler.step was called, and scaler.scale(loss).backward() never was.",
        ("scaler.scale(loss).backward()", "scaler.step(optimizer); scaler.update()"),
    ),
    Kind(
        "step-argument",
        "a step that wants an argument",
        r"(?P<owner>\w+)\.step\(\) missing 1 required positional argument: '(?P<name>metrics|closure)'",
        "{owner}.step() wants `{name}`: ReduceLROnPlateau the validation loss, LBFGS a function that computes the loss anew.",
        ("schedule.step(val_loss)", "optimizer.step(closure)"),
    ),
    Kind(
        "name-missing",
        "torch has no such name",
        r"module '(?P<module>torch(?:\.[\w.]+)?|torchvision(?:\.[\w.]+)?)' has no attribute '(?P<name>\w+)'",
        "{module} has no {name}: capitals count (Conv2d, not Conv2D), and names come and go with versions.",
        ("lamp explain {name}   # layers of near names", "print([n for n in dir({module}) if n.lower()[:3] == '{name}'.lower()[:3]])"),
    ),
    Kind(
        "device-name",
        "a device that torch does not know",
        r"Expected one of cpu, cuda, .* device type at start of device string: (?P<name>\S+)",
        "There is no device called {name}. NVIDIA (and AMD) GPUs are cuda, the Mac's is mps.",
        ('torch.device("cuda" if torch.cuda.is_available() else "cpu")',),
    ),
)  # fmt: skip
