"""Pictures, transforms and data folders."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Kind

_ORDER = "transforms.Compose([Resize(256), CenterCrop(224), ToTensor(), Normalize(mean, std)])   # PIL first, tensor from ToTensor on"

PICTURES: tuple[Kind, ...] = (
    Kind(
        "to-tensor-on-tensor",
        "ToTensor was given something that is no picture",
        r"pic should be (?:PIL Image|Tensor) or ndarray\. Got <class '(?P<a>[\w.]+)'>",
        "The transform wants a PIL picture or an array and got a {a}. If it is a tensor already, "
        "ToTensor stands twice or too late in the list.",
        (_ORDER, "take out the second ToTensor()"),
    ),
    Kind(
        "normalize-on-picture",
        "Normalize stands before ToTensor",
        r"img should be Tensor Image\. Got <class '(?P<a>[\w.]+)'>",
        "Normalize works on tensors and got a {a}: it stands before ToTensor.",
        (_ORDER,),
    ),
    Kind(
        "transform-on-array",
        "a transform was given an array",
        r"Unexpected type <class '(?P<a>[\w.]+)'>|img should be PIL Image\. Got <class '(?P<b>[\w.]+)'>",
        lambda case: (
            f"The transform wants a PIL picture (or a tensor) and got {case['a'] or case['b']}. "
            "OpenCV and NumPy give arrays."
        ),
        ("Image.fromarray(array)", 'Image.open(path).convert("RGB")   # in place of cv2.imread'),
    ),
    Kind(
        "normalize-integers",
        "Normalize on whole numbers",
        r"Input tensor should be a float tensor\. Got torch\.(?P<a>\w+)",
        "Normalize got {a} values; it wants fractions between 0 and 1.",
        (
            "transforms.ToTensor()   # before Normalize",
            "x = x.float() / 255",
            "v2.ToDtype(torch.float32, scale=True)",
        ),
    ),
    Kind(
        "normalize-channels",
        "Normalize has another number of channels than the picture",
        r"output with shape \[(?P<came>[\d, ]+)\] doesn't match the broadcast shape \[(?P<wide>[\d, ]+)\]",
        lambda case: (
            f"A tensor of {shape(sizes(case['came']))} is combined in place with one that spreads it to "
            f"{shape(sizes(case['wide']))}."
            + (
                f" The picture has {sizes(case['came'])[0]} channel(s) and Normalize was given "
                f"{sizes(case['wide'])[0]} means: a grey picture among colour ones."
                if len(sizes(case["came"])) == 3
                else ""
            )
        ),
        (
            'Image.open(path).convert("RGB")',
            "transforms.Grayscale(num_output_channels=3)",
            "transforms.Normalize((0.5,), (0.5,))   # for grey pictures",
        ),
    ),
    Kind(
        "normalize-zero-std",
        "a standard deviation of zero",
        r"std evaluated to zero",
        "Normalize divides by std, and one of the given values is 0.",
        ("transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])",),
    ),
    Kind(
        "crop-larger-than-picture",
        "the crop is larger than the picture",
        r"Required crop size \((?P<crop>[\d, ]+)\) is larger than input image size \((?P<size>[\d, ]+)\)",
        "A crop of ({crop}) was asked of a picture of ({size}), height and width in pixels.",
        ("transforms.Resize(256) before the crop", "transforms.RandomCrop(n, pad_if_needed=True)"),
    ),
    Kind(
        "to-pil-dimensions",
        "a picture has two or three dimensions",
        r"pic should be 2/3 dimensional\. Got (?P<n>\d+) dimensions",
        "A tensor of {n} dimensions cannot become one picture: a batch has to be taken apart.",
        ("transforms.ToPILImage()(batch[0])", "torchvision.utils.make_grid(batch)"),
    ),
    Kind(
        "picture-unreadable",
        "a file that is no picture",
        r"cannot identify image file (?P<file>.+)",
        "Pillow does not recognise {file}: it is no picture, empty, or broken from the start (a web page "
        "saved as .jpg, a hidden ._ file of macOS).",
        ("lamp look FOLDER   # lists all unreadable files at once", "file PATH"),
    ),
    Kind(
        "picture-truncated",
        "a picture that is cut off",
        r"image file is truncated(?: \((?P<n>\d+) bytes not processed\))?|Truncated File Read|broken data stream when reading image file",
        "The file ends before the picture does: an interrupted download or copy.",
        (
            "lamp look FOLDER   # lists all such files at once",
            "fetch the file again; ImageFile.LOAD_TRUNCATED_IMAGES = True fills the rest with grey",
        ),
    ),
    Kind(
        "picture-bomb",
        "a picture with too many pixels",
        r"Image size \((?P<n>\d+) pixels\) exceeds limit of (?P<limit>\d+) pixels",
        "{n} pixels would be decoded, more than the limit of {limit} that guards against files made to fill the memory.",
        ("lamp look FOLDER", "Image.MAX_IMAGE_PIXELS = …   # only for pictures you trust"),
    ),
    Kind(
        "no-class-folders",
        "the folder holds no class folders",
        r"Couldn't find any class folder in (?P<folder>.+?)\.?$",
        "ImageFolder wants one folder per class below {folder}, with the pictures inside; there are none.",
        (
            "ls {folder}",
            "point at the folder above the class folders: data/train, not data/train/cats",
        ),
    ),
    Kind(
        "empty-classes",
        "class folders without pictures",
        r"Found no valid file for the classes (?P<classes>.+?)\. Supported extensions are: (?P<ext>[^\n]+)",
        "The folders {classes} hold no file with a known ending ({ext}). A folder too many in the path, or "
        "hidden folders such as .ipynb_checkpoints, are taken for classes.",
        ("lamp look FOLDER", "remove the empty folders, or ImageFolder(root, allow_empty=True)"),
    ),
    Kind(
        "dataset-not-downloaded",
        "the data set is not there",
        r"Dataset not found(?: or corrupted)?\. You can use download=True",
        "The files are not in the folder given as root, or are not complete there.",
        (
            'MNIST(root="data", download=True)',
            "lamp train mnist --data-root FOLDER   # for archives placed by hand",
        ),
    ),
    Kind(
        "no-such-file",
        "a file or folder that is not there",
        r"\[(?:Errno 2|WinError [23])\] [^:]+: (?P<file>.+)",
        "{file} does not exist, seen from the folder in which the program runs. A relative path depends on "
        "that folder; in a string, \\t and \\n of a Windows path become other characters.",
        (
            "print(os.getcwd())",
            'Path(__file__).parent / "data"   # relative to the script',
            'r"C:\\train"   # a raw string for Windows paths',
        ),
        types=("FileNotFoundError",),
    ),
    Kind(
        "disk-full",
        "the disk is full",
        r"\[Errno 28\] No space left on device|\[enforce fail at inline_container.*file write failed",
        "Nothing more can be written: the disk (or /dev/shm, when it happens in a DataLoader) is full.",
        ("df -h . /dev/shm", "delete old runs and checkpoints", "docker run --shm-size=8g …"),
    ),
)
