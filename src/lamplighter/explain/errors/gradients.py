"""Backward passes that cannot be done."""

from __future__ import annotations

from lamplighter.explain.kind import Case, Kind


def _inplace(case: Case) -> str:
    return (
        f"Backward needs a value as it was in the forward pass (a {case['what']} {case['shape']}, output "
        f"{case['output']} of {case['op']}), but it has since been changed in place: it is at version "
        f"{case['is']} where version {case['was']} was kept. Changes in place are `x += …`, `x[…] = …`, "
        "methods ending in _, and inplace=True; in a GAN, an optimizer step between two backward passes."
    )


GRADIENTS: tuple[Kind, ...] = (
    Kind(
        "changed-in-place",
        "a value needed for backward was overwritten",
        r"modified by an inplace operation: \[(?P<what>[\w.]+) (?P<shape>\[[\d, ]*\])\](?:, which is output (?P<output>\d+) of (?P<op>\w+),)? is at version (?P<is>\d+); expected version (?P<was>\d+)",
        _inplace,
        (
            "x = x + y   # in place of x += y",
            "nn.ReLU()   # without inplace=True",
            "all backward() first, then all step()",
            "torch.autograd.set_detect_anomaly(True)   # names the forward line; slow, take it out afterwards",
        ),
    ),
    Kind(
        "second-backward",
        "backward through a graph that is already used up",
        r"Trying to backward through the graph a second time",
        "backward() frees the graph it went through, and this one was gone through before. Usually a "
        "tensor from an earlier step is still in use: the hidden state of an RNN, a running loss that is "
        "summed without item(), or an output computed once outside the loop.",
        (
            "hidden = hidden.detach()   # before each new batch",
            "total += loss.item()   # not total += loss",
            "compute the outputs anew inside the loop",
            "(loss_a + loss_b).backward()   # two losses over one forward pass",
        ),
    ),
    Kind(
        "no-gradient",
        "the loss does not hang on any weight",
        r"element (?P<n>\d+) of tensors does not require grad and does not have a grad_fn",
        "Nothing on the way to this loss requires a gradient. The usual reasons: torch.no_grad() or "
        "inference_mode around the forward pass, detach(), .data, .item() or numpy() on the way, "
        "argmax or a comparison in the loss, or all weights frozen.",
        (
            "take the forward pass of training out of torch.no_grad()",
            "loss = criterion(outputs, labels)   # not criterion(outputs.argmax(1), …)",
            "print([name for name, p in model.named_parameters() if p.requires_grad])",
        ),
    ),
    Kind(
        "leaf-in-place",
        "a weight was changed in place",
        r"a (?:view of a )?leaf Variable that requires grad is being used in an in-place operation",
        "A parameter (or a tensor with requires_grad=True) was changed in place while gradients are recorded.",
        (
            "with torch.no_grad(): weight += …",
            "nn.init.xavier_uniform_(layer.weight)   # does it properly",
        ),
    ),
    Kind(
        "backward-needs-scalar",
        "backward() of more than one number",
        r"grad can be implicitly created only for scalar outputs",
        "backward() starts from one number, and this tensor holds several: the loss was made with "
        'reduction="none", or backward() was called on the outputs. DataParallel gives one loss per GPU.',
        ("loss.mean().backward()",),
    ),
    Kind(
        "numpy-requires-grad",
        "numpy() on a tensor with a gradient",
        r"Can't call numpy\(\) on Tensor that requires grad",
        "NumPy knows nothing of gradients, so the tensor must leave the graph first.",
        (
            "x.detach().cpu().numpy()",
            "loss.item()   # one number",
            "with torch.no_grad(): …   # evaluation",
        ),
    ),
    Kind(
        "inference-tensor",
        "a tensor made under inference_mode used in training",
        r"Inference tensors cannot be saved for backward|Inplace update to inference tensor outside InferenceMode",
        "Tensors made inside torch.inference_mode() can never take part in training.",
        ("x = x.clone()", "with torch.no_grad(): …   # in place of inference_mode"),
    ),
    Kind(
        "deepcopy-graph",
        "deepcopy of a tensor that is part of a graph",
        r"Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy protocol",
        "copy.deepcopy met a tensor that was computed with gradients. The model keeps an output or a loss "
        "as an attribute, such as self.features = x in forward().",
        ("self.features = x.detach()", "copy.deepcopy(model.state_dict())   # weights only"),
    ),
)
