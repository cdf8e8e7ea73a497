"""Losses that got answers and targets of the wrong shape, kind or range."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Case, Kind


def _range_meaning(case: Case) -> str:
    target = int(case["target"])
    if target < 0:
        return (
            f"A label is {target}. Classes are numbered from 0, and only the value of ignore_index "
            "(−100 unless set) is passed over."
        )
    return (
        f"A label is {target}, so the network needs at least {target + 1} outputs: with C outputs the "
        f"labels run from 0 to C − 1. Either the last layer is too small or the labels begin at 1."
    )


def _range_fixes(case: Case) -> tuple[str, ...]:
    target = int(case["target"])
    if target < 0:
        return (f"nn.CrossEntropyLoss(ignore_index={target})   # if it marks “no label”",)
    return (
        "labels = labels - 1   # if they run from 1 to C",
        f"nn.Linear(…, {target + 1})   # if there really are that many classes",
        "print(labels.min(), labels.max(), outputs.shape)",
    )


def _bce_shape(case: Case) -> str:
    target, came = sizes(case["target"]), sizes(case["came"])
    told = f"The targets are {shape(target)} and the answers {shape(came)}; each answer needs its own target."
    if len(came) == 2 and came[1] == 1 and target == came[:1]:
        return f"{told} One output per sample leaves a dimension of size 1 behind."
    return told


def _bce_shape_fixes(case: Case) -> tuple[str, ...]:
    target, came = sizes(case["target"]), sizes(case["came"])
    if len(came) == 2 and came[1] == 1 and target == came[:1]:
        return (
            "outputs = outputs.squeeze(1)",
            "targets = targets.unsqueeze(1).float()",
        )
    if len(target) == 1 and len(came) == 2:
        return (
            f"nn.CrossEntropyLoss()   # one of {came[1]} classes per sample: whole-number labels",
            f"F.one_hot(targets, {came[1]}).float()   # several labels per sample",
        )
    return ("print(outputs.shape, targets.shape)",)


LOSSES: tuple[Kind, ...] = (
    Kind(
        "label-out-of-range",
        "a label that the network has no output for",
        r"Target (?P<target>-?\d+) is out of bounds",
        _range_meaning,
        _range_fixes,
    ),
    Kind(
        "class-index-dtype",
        "cross entropy wants labels as whole numbers",
        r"expected target dtype to be Long(?: or Byte)?, but got (?P<a>\w+)|expected scalar type Long but found (?P<b>\w+)",
        lambda case: (
            f"Cross entropy takes class numbers (int64), one per sample, and got {case['a'] or case['b']}."
        ),
        (
            "loss(outputs, labels.long())",
            "torch.tensor(labels, dtype=torch.long)",
            "a number to be predicted, not a class, wants nn.MSELoss()",
        ),
    ),
    Kind(
        "class-probabilities-dtype",
        "one-hot labels must be fractions",
        r"Expected floating point type for target with class probabilities, got (?P<a>\w+)",
        "The targets have the shape of the answers, so they are taken as probabilities per class, which "
        "must be fractions; they are {a}. If both are a plain row, argmax was taken of the outputs too early: "
        "the loss wants them raw, batch × classes.",
        (
            "loss(outputs, labels)   # the raw outputs, not outputs.argmax(1)",
            "loss(outputs, labels.argmax(1))   # class numbers are faster and usual",
            "loss(outputs, labels.float())",
        ),
    ),
    Kind(
        "cross-entropy-target-shape",
        "cross entropy wants one label per sample",
        r"0D or 1D target tensor expected, multi-target not supported",
        "The outputs are batch × classes, so the targets must be a plain row of class numbers, one per "
        "sample; they have two dimensions. A column (batch × 1) comes from a table or from unsqueeze; one "
        "column per class is one-hot.",
        (
            "loss(outputs, labels.squeeze(1))   # a column",
            "loss(outputs, labels.argmax(1))   # one-hot",
            "nn.BCEWithLogitsLoss()   # if several classes can be true at once",
        ),
    ),
    Kind(
        "loss-batch-size",
        "answers and labels are not of one batch",
        r"Expected input batch_size \((?P<a>\d+)\) to match target batch_size \((?P<b>\d+)\)",
        lambda case: (
            f"{case['a']} answers came for {case['b']} labels."
            + (
                f" {case['a']} / {case['b']} = {int(case['a']) // int(case['b'])}: a view(-1, …) in "
                "forward() has most likely mixed pictures into the batch dimension because the number "
                "of features was not what it says."
                if int(case["b"]) and int(case["a"]) % int(case["b"]) == 0
                else ""
            )
        ),
        (
            "x = torch.flatten(x, 1)   # in place of x.view(-1, …)",
            "print(outputs.shape, labels.shape)",
            "language models: outputs.reshape(-1, vocabulary), targets.reshape(-1)",
        ),
    ),
    Kind(
        "segmentation-target",
        "labels per pixel of the wrong shape",
        r"only batches of spatial targets supported \(3D tensors\) but got targets of (?:dimension|size): ?(?P<dims>[:\[\]\d, ]+)|size mismatch \(got input: (?P<came>\[[\d, ]+\]) ?, ?target: (?P<target>\[[\d, ]+\])",
        lambda case: (
            f"Outputs per pixel are batch × classes × height × width ({shape(sizes(case['came']))}), and "
            f"targets batch × height × width of class numbers; they are {shape(sizes(case['target']))}."
            if case["came"]
            else "Outputs per pixel are batch × classes × height × width, and targets batch × height × "
            f"width of class numbers, without a channel dimension; the targets have {case['dims']} dimensions."
        ),
        (
            "masks = masks.squeeze(1).long()   # takes the channel off",
            "masks = masks.argmax(1)   # one-hot masks",
            'F.interpolate(outputs, size=masks.shape[-2:], mode="bilinear")   # other size',
        ),
    ),
    Kind(
        "loss-weights",
        "class weights of the wrong length",
        r"weight tensor should be defined either for all (?P<c>\d+) classes or no classes but got weight tensor of shape: \[(?P<n>\d+)\]",
        "The network has {c} outputs and {n} class weights were given: one is needed per class.",
        ("nn.CrossEntropyLoss(weight=torch.ones({c}))   # then set them per class",),
    ),
    Kind(
        "bce-input-range",
        "BCELoss wants probabilities",
        r"all elements of input should be between 0 and 1",
        "nn.BCELoss takes probabilities, and an answer lies outside 0…1 (or is NaN). Either the sigmoid "
        "is missing, or the network has diverged.",
        (
            "nn.BCEWithLogitsLoss()   # takes the raw outputs, and is safer",
            "print(outputs.min(), outputs.max(), outputs.isnan().any())",
        ),
    ),
    Kind(
        "bce-target-range",
        "targets of a yes/no loss outside 0…1",
        r"all elements of target should be between 0 and 1",
        "A target lies outside 0…1. Labels as 1 and 2, as 0 and 255 (masks), or as class numbers do not fit BCE.",
        ("targets = (targets > 0).float()", "nn.CrossEntropyLoss()   # for class numbers"),
    ),
    Kind(
        "bce-shape",
        "answers and targets of a yes/no loss differ in shape",
        r"(?:Using a target size|Target size) \(torch\.Size\(\[(?P<target>[\d, ]*)\]\)\) (?:that is different to the input size|must be the same as input size) \(torch\.Size\(\[(?P<came>[\d, ]*)\]\)\)(?!\. This will likely)",
        _bce_shape,
        _bce_shape_fixes,
    ),
    Kind(
        "loss-broadcast",
        "a loss that compares every answer with every target",
        r"Using a target size \(torch\.Size\(\[(?P<target>[\d, ]*)\]\)\) that is different to the input size \(torch\.Size\(\[(?P<came>[\d, ]*)\]\)\)\. This will likely",
        lambda case: (
            f"Answers {shape(sizes(case['came']))} and targets {shape(sizes(case['target']))} are spread "
            "over each other, so that each answer is compared with every target: the loss falls to the "
            "variance of the targets and the network learns their mean. This is only a warning, and "
            "ruins the training."
        ),
        ("outputs = outputs.squeeze(1)", "targets = targets.unsqueeze(1)"),
    ),
    Kind(
        "one-hot-range",
        "a class number too large for one-hot",
        r"Class values must be (?:smaller than num_classes|non-negative)|one_hot is only applicable to index tensor",
        "F.one_hot takes whole class numbers (int64) from 0 to num_classes − 1.",
        ("F.one_hot(labels.long(), num_classes=int(labels.max()) + 1)",),
    ),
)
