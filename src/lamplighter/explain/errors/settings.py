"""Settings of layers, losses, optimizers and schedules that are refused."""

from __future__ import annotations

from lamplighter.explain.kind import Kind

SETTINGS: tuple[Kind, ...] = (
    Kind(
        "dropout-probability",
        "a dropout probability outside 0…1",
        r"dropout probability has to be between 0 and 1, but got (?P<p>\S+)",
        "Dropout takes the share that is dropped, 0.5 for one half; {p} was given.",
        ("nn.Dropout(0.5)",),
    ),
    Kind(
        "reduction-name",
        "no such reduction",
        r"(?P<name>\w+) is not a valid value for reduction",
        "A loss is reduced by 'mean', 'sum' or 'none'; {name!r} is none of them.",
        ('nn.CrossEntropyLoss(reduction="mean")',),
    ),
    Kind(
        "plateau-mode",
        "no such mode of ReduceLROnPlateau",
        r"(?:threshold )?mode (?P<name>\w+) is unknown",
        "ReduceLROnPlateau watches a figure that is to fall (mode='min', a loss) or to rise (mode='max', "
        "an accuracy); {name!r} is neither.",
        ('ReduceLROnPlateau(optimizer, mode="max")   # for an accuracy',),
    ),
    Kind(
        "schedule-over",
        "OneCycleLR stepped beyond its plan",
        r"Tried to step (?P<n>\d+) times\. The specified number of total steps is (?P<total>\d+)",
        "OneCycleLR was planned for {total} steps and is asked for step {n}: it was planned with another "
        "number of epochs or batches, or is stepped twice per batch.",
        ("OneCycleLR(optimizer, max_lr, total_steps=epochs * len(loader))", "schedule.step()   # once per batch"),
    ),
    Kind(
        "schedule-length",
        "OneCycleLR does not know how long the training is",
        r"You must define either total_steps OR \(epochs AND steps_per_epoch\)",
        "OneCycleLR plans the whole training and needs its number of steps.",
        ("OneCycleLR(optimizer, max_lr, epochs=epochs, steps_per_epoch=len(loader))",),
    ),
    Kind(
        "parameter-twice",
        "a parameter given to the optimizer twice",
        r"some parameters appear in more than one parameter group|can't optimize a parameter twice",
        "A parameter stands in two groups, which would move it twice per step: model.parameters() also "
        "holds those of its head.",
        ('[p for name, p in model.named_parameters() if not name.startswith("fc.")]   # the rest',),
    ),
    Kind(
        "lbfgs-groups",
        "LBFGS takes one group of parameters",
        r"LBFGS doesn't support per-parameter options",
        "LBFGS moves all parameters along one line and has one learning rate.",
        ("torch.optim.LBFGS(model.parameters())", "Adam or SGD where layers need different rates"),
    ),
    Kind(
        "setting-as-text",
        "a number given as a text",
        r"'(?:<=?|>=?)' not supported between instances of '(?:str' and '(?:float|int)|(?:float|int)' and 'str|Tensor' and 'str|str' and 'Tensor)'",
        "One of the two is a text and no number: settings from argparse, YAML (1e-3 without a point is a "
        "text there) or a file have to be made numbers.",
        ('parser.add_argument("--lr", type=float)', "float(value)"),
        types=("TypeError",),
    ),
    Kind(
        "padding-same-stride",
        "padding='same' with a stride",
        r"padding='same' is not supported for strided convolutions",
        "With a stride the output is smaller than the input, so it cannot stay the same.",
        ("nn.Conv2d(…, kernel_size=3, stride=2, padding=1)   # halves the size",),
    ),
    Kind(
        "pooling-padding",
        "more padding than half the pooling window",
        r"pad should be at most half of effective kernel size, but got pad=(?P<pad>\d+), kernel_size=(?P<k>\d+)",
        "A pooling window of {k} may be padded by at most half of that; {pad} was asked.",
        ("nn.MaxPool2d(3, stride=2, padding=1)",),
    ),
    Kind(
        "reflect-padding",
        "more reflected than there is",
        r"Padding size should be less than the corresponding input dimension, but got: padding \((?P<pad>[\d, ]+)\) at dimension (?P<dim>\d+)",
        "Reflection can only show what is there: the padding ({pad}) must be smaller than dimension {dim}.",
        ('F.pad(x, …, mode="replicate")', "a smaller padding or a larger picture"),
    ),
    Kind(
        "padding-dimensions",
        "padding for another number of dimensions",
        r"Padding size (?P<n>\d+) is not supported for (?P<d>\d)D input tensor",
        "F.pad counts from the last dimension, two numbers for each: {n} numbers do not fit a {d}D tensor "
        "in this mode.",
        ("F.pad(x, (left, right, top, bottom))   # for batch × channels × height × width",),
    ),
    Kind(
        "resizing",
        "a resizing that does not fit its input",
        r"Got (?P<got>\d)D input, but (?P<mode>\w+) mode needs (?P<want>\d)D input|Only 3D, 4D and 5D input Tensors supported \(got (?P<few>\d)D\)|only one of size or scale_factor should be defined",
        lambda case: (
            f"mode={case['mode']!r} works on {case['want']} dimensions and {case['got']} came."
            if case["got"]
            else f"Resizing wants batch × channels in front, and the tensor has {case['few']} dimensions."
            if case["few"]
            else "Either the wanted size or the factor is given, not both."
        ),
        ('F.interpolate(x[None], size=(64, 64), mode="bilinear")[0]   # one picture without batch',),
    ),
    Kind(
        "pixel-shuffle",
        "channels that PixelShuffle cannot share out",
        r"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input\.size\(-3\)=(?P<c>\d+) is not divisible by (?P<r>\d+)",
        "PixelShuffle turns groups of {r} channels into pixels, and {c} is no multiple of {r}.",
        ("nn.Conv2d(channels, out_channels * factor**2, 3, padding=1)   # before it",),
    ),
    Kind(
        "prelu-channels",
        "PReLU was made for another number of channels",
        r"Mismatch of parameter numbers and input channel size\. Found parameter numbers = (?P<a>\d+) and channel size = (?P<b>\d+)",
        "PReLU has {a} slopes and the input {b} channels.",
        ("nn.PReLU({b})", "nn.PReLU()   # one slope for all"),
    ),
    Kind(
        "weights-as-list",
        "weights of a loss as a list",
        r"cannot assign '(?:list|tuple|numpy\.ndarray|float|int)' object to buffer '(?P<name>\w+)'",
        "`{name}` has to be a tensor.",
        ("nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0], device=device))",),
    ),
)  # fmt: skip
