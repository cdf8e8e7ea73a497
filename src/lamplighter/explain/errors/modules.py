"""Networks and optimizers that are put together wrongly."""

from __future__ import annotations

from lamplighter.explain.kind import Case, Kind

_OBJECTS: dict[str, str] = {
    "tuple": "It is a tuple: LSTM, GRU and MultiheadAttention return several things, and a data set or model may too.",
    "list": "It is a list, not a tensor.",
    "NoneType": "It is None: a function that ends without `return`, or a gradient before backward().",
    "numpy.ndarray": "It is a NumPy array, not a tensor.",
}

_OBJECT_FIXES: dict[str, tuple[str, ...]] = {
    "tuple": ("outputs, state = self.lstm(x)", "x = x[0]"),
    "list": ("torch.stack(x)   # tensors of one shape", "torch.tensor(x)   # numbers"),
    "NoneType": (
        "return x   # at the end of the function",
        "loss.backward()   # before .grad is read",
    ),
    "numpy.ndarray": ("torch.from_numpy(x).float()",),
}


def _forward(case: Case) -> str:
    return (
        f"{case['owner']}.forward() takes {int(case['takes']) - 1} argument(s) besides self and was "
        f"called with {int(case['given']) - 1}."
    )


MODULES: tuple[Kind, ...] = (
    Kind(
        "super-init-missing",
        "super().__init__() is missing",
        r"cannot assign (?:module|parameters?|buffers?) before Module\.__init__\(\) call|has no attribute '(?:_backward_hooks|_forward_hooks|_modules|_parameters|_buffers|_backward_pre_hooks)'",
        "A class made from nn.Module must call its parent's __init__ before it sets any layer.",
        ("def __init__(self):", "    super().__init__()   # first line"),
    ),
    Kind(
        "forward-missing",
        "the network has no forward()",
        r'Module \[(?P<name>\w+)\] is missing the required "forward" function',
        lambda case: (
            "nn.ModuleList and nn.ModuleDict only hold layers; they cannot be called."
            if case["name"] in ("ModuleList", "ModuleDict")
            else f"{case['name']} was called and has no forward() method. Look at its spelling and its "
            "indentation: inside __init__ it is lost."
        ),
        lambda case: (
            ("for layer in self.layers: x = layer(x)", "nn.Sequential(*layers)")
            if case["name"] in ("ModuleList", "ModuleDict")
            else ("def forward(self, x):   # in the class, at the level of __init__",)
        ),
    ),
    Kind(
        "forward-argument-missing",
        "forward() was called with too little",
        r"(?P<owner>[\w.<>]*?)\.?forward\(\) missing (?P<n>\d+) required positional arguments?: (?P<names>.+)",
        "{owner}.forward() wants {names} as well. In nn.Sequential a layer gets exactly one input.",
        (
            "model(x, y)   # all that forward names",
            "give the argument a default: def forward(self, x, y=None)",
        ),
    ),
    Kind(
        "forward-argument-extra",
        "forward() was called with too much",
        r"(?P<owner>[\w.<>]*?)\.?forward\(\) takes (?:from \d+ to )?(?P<takes>\d+) positional arguments? but (?P<given>\d+) (?:were|was) given",
        _forward,
        ("def forward(self, x, …):   # self is needed, and one name per input", "model(x)"),
    ),
    Kind(
        "argument-unknown",
        "an argument that the class does not have",
        r"(?P<owner>\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(?P<name>\w+)'",
        "{owner} has no argument called {name}.",
        (
            "lamp explain {owner}   # its arguments and their defaults, if it is a layer",
            "help({owner})",
        ),
    ),
    Kind(
        "wrong-object",
        "something else came than the code thinks",
        r"'(?P<owner>tuple|list|NoneType|str|int|float|dict|numpy\.ndarray)' object has no attribute '(?P<name>\w+)'",
        lambda case: (
            _OBJECTS.get(case["owner"], f"The code calls .{case['name']} on a {case['owner']}.")
            + f" It has no .{case['name']}."
        ),
        lambda case: _OBJECT_FIXES.get(case["owner"], ("print(type(x), x)",)),
    ),
    Kind(
        "layer-missing",
        "the network has no such layer",
        r"'(?P<owner>\w+)' object has no attribute '(?P<name>\w+)'",
        "{owner} uses self.{name}, which was never set in __init__ (or under another spelling).",
        ("self.{name} = …   # in __init__", "print(model)   # what it really has"),
        types=("AttributeError", "ModuleAttributeError"),
        via="nn/modules/module.py",
    ),
    Kind(
        "sequential-function",
        "nn.Sequential was given something that is no layer",
        r"(?P<a>\S+) is not a Module subclass",
        "nn.Sequential and nn.ModuleList take layers (objects of nn.Module) and got {a}: a function, a "
        "class without brackets, or a list.",
        (
            "nn.ReLU()   # in place of torch.relu or F.relu",
            "nn.Sequential(*layers)   # a list needs the star",
        ),
    ),
    Kind(
        "parameter-assignment",
        "a tensor put in the place of a parameter",
        r"cannot assign '(?P<a>[\w.]+)' as parameter '(?P<name>\w+)'",
        "{name} is a parameter and can only be replaced by one.",
        ("layer.{name} = nn.Parameter(tensor)", "with torch.no_grad(): layer.{name}.copy_(tensor)"),
    ),
    Kind(
        "optimizer-empty",
        "the optimizer has nothing to train",
        r"optimizer got an empty parameter list",
        "model.parameters() is empty: the model has no layers of its own, they are in a plain Python list "
        "or dict (then torch does not see them), or the generator was used up before.",
        (
            "self.layers = nn.ModuleList([…])   # in place of a list",
            "print(sum(p.numel() for p in model.parameters()))",
            "params = list(model.parameters())   # a generator can be walked once only",
        ),
    ),
    Kind(
        "optimizer-not-parameters",
        "the optimizer was given something else than parameters",
        r"params argument given to the optimizer should be an iterable of Tensors or dicts, but got (?P<a>\S+)|optimizer can only optimize Tensors, but one of the params is (?P<b>\S+)",
        lambda case: f"The optimizer wants a list of parameters and got {case['a'] or case['b']}.",
        ("torch.optim.SGD(model.parameters(), lr=0.01)",),
    ),
    Kind(
        "optimizer-non-leaf",
        "the optimizer was given a computed tensor",
        r"can't optimize a non-leaf Tensor",
        "Only tensors that are not the result of a computation can be trained. "
        "torch.randn(n, requires_grad=True) * 0.1 or .to(device) after requires_grad makes a computed one.",
        ("w = (torch.randn(n, device=device) * 0.1).requires_grad_()", "nn.Parameter(…)"),
    ),
    Kind(
        "scheduler-argument",
        "the schedule was given something else than an optimizer",
        r"(?P<a>\w+) is not an Optimizer",
        "A learning-rate schedule takes the optimizer as its first argument and got a {a}.",
        ("torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)",),
    ),
    Kind(
        "setting-invalid",
        "a setting outside its range",
        r"Invalid (?P<what>learning rate|momentum value|weight_decay value|beta parameter at index \d|epsilon value): (?P<value>\S+)",
        "The {what} is {value}, outside what the optimizer allows.",
        ("torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)",),
    ),
    Kind(
        "not-finite",
        "a number that is not finite",
        r"probability tensor contains either `inf`, `nan` or element < 0|(?:returned|produced) nan values|input is not positive-definite",
        "NaN, infinity or a negative probability has reached an operation that cannot bear it: the "
        "training has diverged, or the data holds such values.",
        (
            "a learning rate ten times smaller",
            "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
            "print(x.isfinite().all())   # on the data first",
        ),
    ),
)
