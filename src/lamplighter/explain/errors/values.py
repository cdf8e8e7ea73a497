"""Values and sizes that an operation refuses, beside those of layers and losses."""

from __future__ import annotations

from lamplighter.explain.kind import Kind

VALUES: tuple[Kind, ...] = (
    Kind(
        "gradient-of-integers",
        "a gradient asked of whole numbers",
        r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients|data set to a tensor that requires gradients must be floating point",
        "Gradients exist for fractions only, and the tensor holds whole numbers.",
        ("torch.tensor([1.0, 2.0], requires_grad=True)", "x = x.float().requires_grad_()"),
    ),
    Kind(
        "freeze-a-result",
        "requires_grad switched off at a result",
        r"you can only change requires_grad flags of leaf variables",
        "requires_grad can be set on weights and inputs, not on what was computed from them.",
        ("x = x.detach()", "for p in model.backbone.parameters(): p.requires_grad_(False)"),
    ),
    Kind(
        "grad-not-kept",
        "no gradient is kept for this tensor",
        r"can't retain_grad on Tensor that has requires_grad=False",
        "The tensor hangs on no weight (no_grad, detach, or frozen layers), so it has no gradient to keep.",
        ("x.requires_grad_()   # on the input, before the forward pass",),
    ),
    Kind(
        "grad-assigned",
        "a gradient of another size or kind than its tensor",
        r"attempting to assign a gradient (?:of size '(?P<a>\[[\d, ]*\])' to a tensor of size '(?P<b>\[[\d, ]*\])'|with dtype '(?P<c>\w+)')",
        lambda case: (
            f"The gradient is {case['a']} and its tensor {case['b']}."
            if case["a"]
            else f"The gradient is {case['c']}, its tensor is not."
        ),
        ("p.grad = g.reshape(p.shape).to(p.dtype)", "p.grad = None   # to clear it"),
    ),
    Kind(
        "not-in-the-graph",
        "a gradient for something that the result does not use",
        r"appears to not have been used in the graph",
        "torch.autograd.grad was asked for the gradient of a tensor that the result was not computed from.",
        ("torch.autograd.grad(y, x, allow_unused=True)   # gives None there", "compute y from x itself, not from a copy"),
    ),
    Kind(
        "sparse-to-numpy",
        "NumPy knows no sparse tensors",
        r"can't convert Sparse layout tensor to numpy",
        "The tensor is sparse, and NumPy's arrays are dense.",
        ("x.to_dense().numpy()",),
    ),
    Kind(
        "distribution-values",
        "values that a distribution cannot have",
        r"Expected (?:parameter|value argument) (?:(?P<name>\w+) )?\([^)]*\)?.*?(?:to satisfy|to be within) the (?:constraint|support) (?P<what>\w+)",
        "`{name}` has to be {what}, and some values are not. If they are NaN, the network's weights are "
        "no numbers any more; if they are negative, a softplus or exp is missing.",
        (
            "torch.isfinite(x).all()   # first: are they numbers at all?",
            "scale = F.softplus(raw) + 1e-5",
            "Categorical(logits=answers)   # logits take any value",
        ),
    ),
    Kind(
        "sample-without-replacement",
        "more drawn than there is",
        r"cannot sample n_sample > prob_dist\.size\(-1\) samples without replacement",
        "More samples are asked for than there are, and none may be drawn twice.",
        ("WeightedRandomSampler(weights, len(weights), replacement=True)",),
    ),
    Kind(
        "matrix-singular",
        "a matrix that has no inverse",
        r"the inversion could not be completed because the input matrix is singular|The (?:leading minor of order|diagonal element) \d+ is (?:not positive|zero)",
        "Rows of the matrix follow from each other (or it is all zeros), so it cannot be inverted or factored.",
        ("A + 1e-6 * torch.eye(n)   # a little on the diagonal", "torch.linalg.lstsq(A, b)", "torch.linalg.pinv(A)"),
    ),
    Kind(
        "nothing-to-reduce",
        "the largest of nothing",
        r"Expected reduction dim to be specified for input\.numel\(\) == 0",
        "max, min or argmax over a tensor without any element: a filter or mask left nothing.",
        ("if x.numel(): …", "print(mask.sum())   # before this line"),
    ),
    Kind(
        "einsum-sizes",
        "einsum: one letter for two sizes",
        r"einsum\(\): subscript (?P<s>\w) has size (?P<a>\d+) for operand (?P<n>\d+) which does not broadcast with previously seen size (?P<b>\d+)",
        "The letter `{s}` is {b} in one operand and {a} in operand {n} (counted from 0).",
        ("print(a.shape, b.shape)   # and write one letter for each dimension",),
    ),
    Kind(
        "index-kind",
        "an index that is no whole number",
        r"(?:gather|scatter)\w*\(\): Expected dtype int\w*(?:/int64)? for index|where expected condition to be a boolean tensor, but got a tensor with dtype (?P<a>\w+)",
        lambda case: (
            f"torch.where wants yes or no as its condition and got {case['a']}."
            if case["a"]
            else "The index of gather and scatter has to be whole numbers (int64)."
        ),
        ("index.long()", "torch.where(x > 0, a, b)"),
    ),
    Kind(
        "topk-too-many",
        "topk asked for more than there is",
        r"selected index k out of range",
        "k is larger than the dimension: a top-5 of fewer than five classes, or the wrong dimension.",
        ("x.topk(min(5, x.shape[-1]), dim=-1)",),
    ),
    Kind(
        "tensor-dataset-sizes",
        "TensorDataset: inputs and labels of different number",
        r"Size mismatch between tensors",
        "TensorDataset pairs the tensors by their first dimension, and these are not equally long.",
        ("print(len(inputs), len(labels))",),
        types=("AssertionError",),
    ),
    Kind(
        "target-size",
        "targets of another size than the answers",
        r"Expected target size \[(?P<want>[\d, ]+)\], got \[(?P<got>[\d, ]+)\]",
        "For these answers (batch × classes × positions) the targets have to be ({want}); they are ({got}). "
        "Classes stand in dimension 1.",
        ("loss(answers.transpose(1, 2), targets)   # from batch × positions × classes", "loss(answers.flatten(0, 1), targets.flatten())"),
    ),
    Kind(
        "ctc-lengths",
        "CTC: lengths that do not fit",
        r"(?P<which>input|target)_lengths must be of size batch_size|Expected (?P<w2>input|target)_lengths to have value at most (?P<most>\d+), but got value (?P<got>\d+)",
        lambda case: (
            f"A length in {case['w2']}_lengths is {case['got']}, and there are only {case['most']} places."
            if case["w2"]
            else f"{case['which']}_lengths needs one length for each sample of the batch."
        ),
        ("input_lengths = torch.full((batch,), log_probs.shape[0])   # time × batch × classes",),
    ),
    Kind(
        "padding-mask-shape",
        "a padding mask of another batch",
        r"Expected key_padded?_?(?:ing_)?mask\.shape\[(?P<d>\d)\] to be (?P<want>\d+), but got (?P<got>\d+)",
        "key_padding_mask is batch × length of the keys: dimension {d} has to be {want} and is {got}.",
        ("mask = tokens == padding_id   # batch × length", "nn.MultiheadAttention(…, batch_first=True)   # if the batch comes first"),
    ),
    Kind(
        "transformer-input",
        "a transformer's input that does not fit",
        r"the (?:feature|batch) number of src and tgt must be equal(?: to d_model)?|query should be unbatched 2D or batched 3D tensor but received (?P<d>\d)-D",
        lambda case: (
            f"Attention wants batch × length × features, and {case['d']} dimensions came."
            if case["d"]
            else "Both inputs of nn.Transformer need the same batch and d_model features in the last dimension."
        ),
        ("x = x.flatten(2).transpose(1, 2)   # pictures: batch × places × channels", "nn.Transformer(…, batch_first=True)"),
    ),
    Kind(
        "rnn-dtype",
        "input and recurrent layer are numbers of different kinds",
        r"RNN input dtype \((?P<a>[\w.]+)\) does not match weight dtype \((?P<b>[\w.]+)\)|mixed dtype \(CPU\): (?P<c>[\w ]+)",
        lambda case: (
            f"The input is {case['a']} and the weights are {case['b']}."
            if case["a"]
            else "Input and weights are numbers of different kinds: one of them was made half precision."
        ),
        ("x = x.float()", "model.float()"),
    ),
    Kind(
        "no-sequences",
        "a batch without sequences",
        r"received an empty list of sequences",
        "pad_sequence was given an empty list: a batch from which everything was filtered.",
        ("if batch: …   # in collate_fn",),
    ),
    Kind(
        "permute-twice",
        "a dimension named twice",
        r"permute\(\w*\): duplicate dims are not allowed|dim .* appears multiple times in the list of dims",
        "Each dimension may be named once.",
        ("x.permute(0, 3, 1, 2)   # batch × height × width × channels → batch × channels × height × width",),
    ),
    Kind(
        "unflatten-sizes",
        "sizes whose product is another",
        r"unflatten: Provided sizes \[(?P<a>[\d, -]+)\] don't multiply up to the size of dim (?P<d>\d+) \((?P<n>\d+)\)",
        "Dimension {d} has {n} entries, and the product of ({a}) is another number.",
        ("nn.Unflatten(1, (channels, height, width))   # channels × height × width = features",),
    ),
    Kind(
        "picture-mode",
        "JPEG cannot hold this picture",
        r"cannot write mode (?P<mode>\w+) as (?P<format>\w+)",
        "{format} knows no {mode} (transparency, a palette, or 16 bits).",
        ('picture.convert("RGB").save("a.jpg")', 'picture.save("a.png")'),
    ),
    Kind(
        "picture-channels",
        "no picture has so many channels",
        r"pic should not have > 4 channels\. Got (?P<n>\d+) channels",
        "A picture has 1 to 4 channels, and {n} came: channels and height were probably swapped, or it "
        "holds scores of classes.",
        ("x.permute(2, 0, 1)   # height × width × channels → channels × height × width",),
    ),
    Kind(
        "transform-of-no-picture",
        "a transform of a tensor that is no picture",
        r"Tensor is not a torch image",
        "Transforms want channels × height × width (or a batch of that), and this tensor has fewer dimensions.",
        ("x.unsqueeze(0)   # a grey picture without its channel",),
    ),
    Kind(
        "text-encoding",
        "a text file in another encoding",
        r"'(?P<codec>[\w-]+)' codec can't decode byte (?P<byte>0x\w+) in position (?P<at>\d+)",
        "The file is no {codec} text (byte {byte} at {at}): a table saved by a spreadsheet in the "
        "system's own encoding, or a picture or model read as text.",
        ('pd.read_csv(path, encoding="gbk")   # or "cp1252"', 'open(path, "rb")   # for what is no text'),
        types=("UnicodeDecodeError",),
    ),
    Kind(
        "memory-of-array",
        "the computer's memory is full",
        r"Unable to allocate (?P<n>[\d.]+ \w+) for an array with shape (?P<shape>\([\d, ]*\)) and data type (?P<dtype>\S+)",
        "One NumPy array of {n} was asked for: {shape} of {dtype}.",
        ("np.uint8 for pictures, divided by 255 batch by batch   # an eighth of float64", "np.load(path, mmap_mode=\"r\")"),
    ),
)  # fmt: skip
