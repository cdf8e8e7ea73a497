"""What GPUs, cuDNN, NCCL, gloo and exporters say when they fail."""

from __future__ import annotations

from lamplighter.explain.kind import Kind

ACCELERATORS: tuple[Kind, ...] = (
    Kind(
        "lengths-on-gpu",
        "lengths that lie on the GPU",
        r"'lengths' argument should be a 1D CPU int64 tensor, but got (?P<d>\d)D (?P<dev>[\w:]+) (?P<kind>\w+) tensor",
        "pack_padded_sequence reads the lengths on the CPU, as a list or a 1D tensor of whole numbers; "
        "they are {d}D, {kind}, on {dev}.",
        ("pack_padded_sequence(x, lengths.cpu(), …)", "[len(s) for s in sequences]"),
    ),
    Kind(
        "illegal-memory-access",
        "a GPU computation read or wrote where it must not",
        r"an illegal memory access was encountered|unspecified launch failure|CUBLAS_STATUS_EXECUTION_FAILED",
        "A kernel failed on the GPU; the line that is shown may be a later one, because the GPU works "
        "behind the program. Usual causes: an index or a label out of range, a home-made CUDA extension, "
        "memory that is all but full; seldom, a failing card.",
        (
            "CUDA_LAUNCH_BLOCKING=1 python train.py   # shows the real line",
            "run one batch on the CPU: it names an index that is out of range",
            "compute-sanitizer python train.py   # for an extension",
        ),
        anywhere=True,
    ),
    Kind(
        "cudnn-failed",
        "cuDNN failed",
        r"CUDNN_STATUS_(?P<status>EXECUTION_FAILED|NOT_INITIALIZED|INTERNAL_ERROR|BAD_PARAM|MAPPING_ERROR|NOT_SUPPORTED)\w*|unable to find an engine to execute this computation|Unable to find a valid cuDNN algorithm",
        "cuDNN, which computes convolutions and recurrent layers on the GPU, gave up. Most often the GPU's "
        "memory is full, or another cuDNN than torch's own is found first; also an input of a size or kind "
        "that the layer cannot take.",
        (
            "nvidia-smi   # who holds the memory; try half the batch",
            "unset LD_LIBRARY_PATH   # so that torch's own cuDNN is used",
            "torch.backends.cudnn.enabled = False   # to learn whether it is cuDNN at all",
            "lamp doctor",
        ),
    ),
    Kind(
        "mps-not-implemented",
        "Apple's GPU lacks this operation",
        r"The operator '(?P<op>[\w:.]+)' is not current(?:ly)? implemented for the MPS device",
        "`{op}` does not exist for Apple's GPU in this version of torch.",
        ("PYTORCH_ENABLE_MPS_FALLBACK=1 python train.py   # set before torch is imported", 'x.to("cpu")   # around that operation'),
    ),
    Kind(
        "gpu-shared-by-ranks",
        "two processes on one GPU",
        r"Duplicate GPU detected ?: rank (?P<a>\d+) and rank (?P<b>\d+) both on CUDA device (?P<d>\w+)",
        "Rank {a} and rank {b} both took the same GPU; NCCL wants one for each process.",
        (
            'torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))   # before init_process_group',
            "torchrun --nproc-per-node N   # N: not more than there are GPUs",
        ),
        anywhere=True,
    ),
    Kind(
        "nccl-failed",
        "NCCL failed",
        r"NCCL (?:error in|Error)[^\n]*?(?P<what>unhandled (?:system|cuda) error|invalid usage|internal error|remote process exited[\w ]*)",
        "The library that joins GPUs reports: {what}. A system error is the network, /dev/shm or a "
        "firewall; a CUDA error is the GPU or its memory; invalid usage most often two ranks on one GPU.",
        (
            "NCCL_DEBUG=INFO torchrun …   # the lines before the error name the cause",
            "df -h /dev/shm   # in a container: --shm-size=8g",
            "NCCL_SOCKET_IFNAME=eth0   # the network that joins the machines",
        ),
        anywhere=True,
    ),
    Kind(
        "gloo-failed",
        "the processes cannot reach each other",
        r"[Gg]loo connectFullMesh failed|gloo/transport/tcp/\w+\.cc:\d+\] (?:Connection|Timed out|Read error|no error)",
        "gloo, which joins processes over the network, lost or never got a connection: another process "
        "ended (its error comes first), or the host's name leads to an address that the others cannot reach.",
        (
            "look for the first error of any rank",
            "GLOO_SOCKET_IFNAME=eth0   # the network that joins the machines; lo on one machine",
            "hostname -I; cat /etc/hosts",
        ),
        anywhere=True,
    ),
    Kind(
        "rendezvous-timeout",
        "the processes did not find each other",
        r"client socket has timed out after (?P<time>\w+) while trying to connect to \((?P<host>[^,)]+), (?P<port>\d+)\)",
        "This process waited {time} for rank 0 at {host}:{port}: rank 0 was not started, ended early, or "
        "a firewall is between.",
        (
            "start all nodes with the same --rdzv-endpoint=HOST:PORT and --nnodes",
            "nc -zv {host} {port}   # from this machine",
            "torchrun --standalone   # if there is only one machine",
        ),
        anywhere=True,
    ),
    Kind(
        "onnx-operator",
        "ONNX has no such operation in this version",
        r"Exporting the operator '?(?P<op>[\w:]+)'? to ONNX opset version (?P<v>\d+) is not supported(?:\. Support for this operator was added in version (?P<from>\d+))?",
        lambda case: (
            f"`{case['op']}` cannot be written in ONNX version {case['v']}"
            + (f"; version {case['from']} has it." if case["from"] else ".")
        ),
        lambda case: (
            (f"torch.onnx.export(…, opset_version={case['from']})",)
            if case["from"]
            else (
                "torch.onnx.export(model, inputs, path, dynamo=True)   # the newer exporter",
                "write the operation with others in forward()",
                "lamp export RUN --to program   # torch's own format",
            )
        ),
    ),
    Kind(
        "cuda-start-failed",
        "CUDA could not be started",
        r"CUDA driver initialization failed|CUDA unknown error - this may be due to|Unexpected error from cudaGetDeviceCount\(\)(?:.*?Error (?P<n>\d+))?",
        "The driver is there and does not start: after an update without a restart, after the machine "
        "slept, with CUDA_VISIBLE_DEVICES changed while the program ran, or with a driver and libraries "
        "of different versions (error 804).",
        ("nvidia-smi   # does the driver itself work?", "restart the machine", "lamp doctor"),
    ),
    Kind(
        "library-missing",
        "a library of CUDA is missing",
        r"(?P<lib>lib(?:cu|nv|nccl|torch)[\w.-]*\.so[\w.]*): cannot open shared object file",
        "{lib} is not found: a package was built for another torch or CUDA than the one that is installed.",
        (
            "pip install torch torchvision --force-reinstall   # torch brings its own CUDA",
            "install the extension (torch_geometric, mmcv, …) for exactly this torch and CUDA",
            "lamp doctor",
        ),
    ),
)  # fmt: skip
