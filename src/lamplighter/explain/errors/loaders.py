"""Data loaders: batches that cannot be made, workers that fail."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Case, Kind

_WORKERLESS = "DataLoader(…, num_workers=0)   # to see the real error"


def _stack(case: Case) -> str:
    a, b = sizes(case["a"]), sizes(case["b"])
    told = f"A batch is a stack, so all its samples must have one shape; sample {case['i']} is {shape(a)}, sample {case['j']} {shape(b)}."
    if len(a) == 3 and a[0] != b[0] and {a[0], b[0]} <= {1, 3, 4}:
        return f"{told} The channels differ: grey, colour and transparent pictures are mixed."
    if len(a) == 3:
        return f"{told} The pictures differ in size. Resize(256) with one number only sets the shorter side."
    if len(a) == 1:
        return f"{told} The sequences differ in length."
    return told


def _stack_fixes(case: Case) -> tuple[str, ...]:
    a, b = sizes(case["a"]), sizes(case["b"])
    if len(a) == 3 and a[0] != b[0]:
        return ('Image.open(path).convert("RGB")   # in the data set',)
    if len(a) == 3:
        return (
            "transforms.Resize((224, 224))   # both sides",
            "transforms.Resize(256), transforms.CenterCrop(224)   # keeps the proportions",
        )
    return (
        "DataLoader(…, collate_fn=lambda rows: nn.utils.rnn.pad_sequence(rows, batch_first=True))",
    )


LOADERS: tuple[Kind, ...] = (
    Kind(
        "samples-differ",
        "samples of different shapes in one batch",
        r"stack expects each tensor to be equal size, but got (?P<a>\[[\d, ]*\]) at entry (?P<i>\d+) and (?P<b>\[[\d, ]*\]) at entry (?P<j>\d+)",
        _stack,
        _stack_fixes,
    ),
    Kind(
        "batch-lists-differ",
        "lists of different lengths in one batch",
        r"each element in list of batch should be of equal size",
        "A sample holds a list, and the lists of one batch differ in length (boxes, tokens, file names).",
        ("pad them in the data set, or give DataLoader(collate_fn=…) a function of your own",),
    ),
    Kind(
        "batch-of-what",
        "the loader does not know how to batch this",
        r"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class '(?P<a>[\w.]+)'>",
        lambda case: (
            "The data set gave None for a sample: __getitem__ ends without `return`, or returns None for a bad file."
            if case["a"] == "NoneType"
            else f"The data set gives {case['a']}, which cannot be stacked into a batch."
            + (" The transform lacks ToTensor." if "PIL" in case["a"] else "")
        ),
        lambda case: (
            ("return image, label   # at the end of __getitem__",)
            if case["a"] == "NoneType"
            else ("transform=transforms.ToTensor()",)
            if "PIL" in case["a"]
            else ("return tensors, numbers, strings, or dicts of them from __getitem__",)
        ),
    ),
    Kind(
        "shared-memory",
        "the workers ran out of shared memory",
        r"killed by signal: Bus error|bus error encountered in worker|unable to (?:open|mmap|write to|resize).*?(?:shared memory|/torch_)|out of shared memory",
        "Workers hand over batches through /dev/shm, and it is full. Containers give it 64 MB by default.",
        (
            "docker run --shm-size=8g …   # or --ipc=host",
            "fewer num_workers, smaller batches, prefetch_factor=1",
            'torch.multiprocessing.set_sharing_strategy("file_system")',
            "lamp doctor   # says how large /dev/shm is",
        ),
        anywhere=True,
    ),
    Kind(
        "too-many-files",
        "too many open files",
        r"Too many open files|received 0 items of ancdata",
        "Each tensor that comes from a worker keeps a file open while it lives. Tensors gathered in a "
        "list over many batches (or many workers) use up the limit of `ulimit -n`.",
        (
            "ulimit -n 65536",
            'torch.multiprocessing.set_sharing_strategy("file_system")',
            "keep copies: kept.append(labels.clone()), or .tolist()",
        ),
    ),
    Kind(
        "worker-killed",
        "a worker was ended from outside",
        r"DataLoader worker \(pid(?:\(s\))? (?P<pid>[\d, ]+)\) is killed by signal: (?P<signal>\w[\w ]*?)(?:\.|$)",
        "Worker {pid} died by «{signal}». «Killed» is the system's doing when the memory is full; "
        "«Segmentation fault» is a crash inside a library: a broken picture, or OpenCV's threads.",
        (
            _WORKERLESS,
            "fewer num_workers: each holds a copy of what the data set keeps in memory",
            "cv2.setNumThreads(0)   # with OpenCV",
            "dmesg | tail   # “Out of memory: Killed process”",
        ),
    ),
    Kind(
        "worker-exited",
        "a worker ended without saying why",
        r"DataLoader worker \(pid(?:\(s\))? (?P<pid>[\d, ]+)\) exited unexpectedly",
        "Worker {pid} ended before it gave a batch. Its own error, if it had one, was printed by "
        "that process above this one.",
        (_WORKERLESS, "read the first traceback above this one"),
        wrapper=True,
    ),
    Kind(
        "main-guard",
        "workers are started while the script is still being imported",
        r"An attempt has been made to start a new process before the\s+current process has finished its bootstrapping phase",
        "On Windows and macOS each worker imports the script anew, and without a guard it starts workers "
        "again while being imported.",
        (
            'if __name__ == "__main__":',
            "    main()   # everything that runs, in a function",
            "DataLoader(…, num_workers=0)   # the quick way",
        ),
        anywhere=True,
    ),
    Kind(
        "notebook-worker",
        "a worker cannot find what was defined in the notebook",
        r"Can't get attribute '(?P<name>\w+)' on <module '__main__' \(built-in\)>",
        "A worker started afresh (Windows, macOS, or spawn) does not know `{name}`, because it was "
        "defined in a notebook cell and not in a file.",
        (
            "put {name} into a file and import it: from mydata import {name}",
            "DataLoader(…, num_workers=0)",
        ),
        anywhere=True,
    ),
    Kind(
        "pickle-local",
        "a lambda or local function cannot be sent to a worker",
        r"Can't (?:pickle|get) local object '?(?P<name>[^'\n]+)'?|Can't pickle <function (?P<other><lambda>)|cannot pickle '(?P<what>[\w.]+)' object|Can't pickle local object (?P<late>\S+)",
        lambda case: (
            f"Workers that are started afresh get the data set as a pickle, and "
            f"{case['name'] or case['other'] or case['what'] or case['late']} cannot be pickled: lambdas, functions "
            "inside functions, open files, database handles and locks cannot."
        ),
        (
            "def to_float(x): …   # at the top level of a file, in place of the lambda",
            "open files and databases inside __getitem__, not in __init__",
            "DataLoader(…, num_workers=0)",
        ),
    ),
    Kind(
        "cuda-in-worker",
        "CUDA used in a forked process",
        r"Cannot re-initialize CUDA in forked subprocess",
        "The data set (or its collate function) makes CUDA tensors inside a worker. A forked process "
        "cannot use a GPU that its parent has opened.",
        (
            "return CPU tensors from __getitem__, and move the batch: images.to(device, non_blocking=True)",
            "DataLoader(…, pin_memory=True)",
            'DataLoader(…, multiprocessing_context="spawn")   # if it must be',
        ),
    ),
    Kind(
        "dataset-empty",
        "the data set is empty",
        r"num_samples should be a positive integer value, but got num_samples=0",
        "The data set has length 0: no file was found, or a filter took everything out.",
        ("print(len(dataset))", "lamp look FOLDER"),
    ),
    Kind(
        "sampler-and-shuffle",
        "a sampler and shuffle=True at once",
        r"sampler option is mutually exclusive with shuffle|batch_sampler option is mutually exclusive",
        "A sampler already decides the order, so shuffle (and with a batch_sampler also batch_size and "
        "drop_last) must not be given.",
        ("DataLoader(dataset, batch_size=32, sampler=sampler)",),
    ),
    Kind(
        "dataset-incomplete",
        "the data set lacks __len__ or __getitem__",
        r"Subclasses of Dataset should implement __getitem__|object of type '(?P<a>\w+)' has no len\(\)|with(?:out an implementation for)? abstract method '?(?P<m>__iter__)",
        "A Dataset needs __len__ (how many samples) and __getitem__(index); an IterableDataset needs __iter__.",
        (
            "def __len__(self): return len(self.paths)",
            "def __getitem__(self, index): return image, label",
        ),
    ),
    Kind(
        "split-lengths",
        "the parts do not add up to the whole",
        r"Sum of input lengths does not equal the length of the input dataset",
        "random_split was given numbers whose sum is not the length of the data set.",
        (
            "random_split(dataset, [0.8, 0.2])   # shares",
            "n = int(0.8 * len(dataset)); [n, len(dataset) - n]",
        ),
    ),
)
