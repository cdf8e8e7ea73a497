"""The page beside an exported file: the few lines that run it, and what they cannot do."""

from __future__ import annotations

from lamplighter.artifact import Artifact
from lamplighter.export.deployed import INPUT, OUTPUTS
from lamplighter.images.geometry import PAD_GREY
from lamplighter.images.preprocess import Preprocess

WHY_FIXED = """The picture has to be brought to {size} × {size} before it goes in. That step is not inside the
file: training and validation resized with Pillow, whose antialiased resize works in whole numbers
of 8 bits and is no operator of this format; another resize would give other answers than those
that were measured."""


def ONNX_README(artifact: Artifact) -> str:  # noqa: N802 - a row's page, used as a constant
    """README.md for model.onnx."""
    run = f"""import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps
session = onnxruntime.InferenceSession("model.onnx")
told = json.loads(session.get_modelmeta().custom_metadata_map["lamplighter"])
picture = Image.open(sys.argv[1])
{_to_square(artifact.preprocess)}
pixels = np.asarray(picture, np.uint8).reshape(1, {_shape(artifact.preprocess)})
{_answer(artifact, 'session.run(None, {"' + INPUT + '": pictures})[0]')}"""
    return _page(artifact, "model.onnx", "onnxruntime", run, ONNX_NOTES)


def PROGRAM_README(artifact: Artifact) -> str:  # noqa: N802
    """README.md for model.pt2."""
    run = f"""import json, sys
import numpy as np, torch
from PIL import Image, ImageOps
extra = {{"lamplighter.json": ""}}
program = torch.export.load("model.pt2", extra_files=extra).module()
told = json.loads(extra["lamplighter.json"])
picture = Image.open(sys.argv[1])
{_to_square(artifact.preprocess)}
pixels = np.asarray(picture, np.uint8).reshape(1, {_shape(artifact.preprocess)})
{_answer(artifact, "program(torch.from_numpy(pictures)).numpy()")}"""
    return _page(artifact, "model.pt2", "torch", run, PROGRAM_NOTES)


ONNX_NOTES = """- One file, weights inside; no external data, no custom operators (opset 20).
- Labels are in the metadata as well, as a JSON list under `labels`."""

PROGRAM_NOTES = """- **Open only .pt2 files that you trust.** `torch.export.load` unpickles whatever an archive marks
  as pickled, and a pickle can run code. This file marks nothing so, but the next one may; the
  `model.safetensors` beside the run is the form to hand to strangers.
- Written by one version of PyTorch, it is meant for that version and later ones."""


def _page(artifact: Artifact, file: str, runtime: str, run: str, notes: str) -> str:
    preprocess = _of(artifact)
    return f"""# {file}

Run it with numpy, Pillow and {runtime} alone (`python run.py PICTURE`, in this folder):

```python
{run}
```

What goes in: `{INPUT}`, uint8 [batch, {_shape(preprocess)}] ({_colour(preprocess)}, any batch).
What comes out: `{OUTPUTS[artifact.task]}`, float32 [batch, {artifact.architecture.outputs}].
Scaling and normalising{_inside(artifact)} are inside the file. Labels, the threshold
`unsure_below` and the preprocessing are in its metadata under `lamplighter`.

{WHY_FIXED.format(size=preprocess.size)}

{notes}
- The lines above are for ordinary pictures. Transparency is laid on white, and 16-bit grey scaled
  (65535 → 255), by Lamplighter before this step; do the same where such pictures occur.
"""


def _to_square(preprocess: Preprocess | None) -> str:
    assert preprocess is not None
    size, side = preprocess.size, preprocess.resize
    mode = "RGB" if preprocess.channels == 3 else "L"
    how = f"Image.Resampling.{preprocess.interpolation.upper()}"
    # draft: a JPEG decoded at half or a quarter of its size, as it was when the figures were taken
    head = f"""picture.draft(None, ({side}, {side}))
picture = ImageOps.exif_transpose(picture).convert("{mode}")"""
    if preprocess.fit == "squash":
        return f"{head}\npicture = picture.resize(({size}, {size}), {how})"
    if preprocess.fit == "pad":
        grey = (PAD_GREY,) * preprocess.channels
        return f"""{head}
w, h = (max(1, round(side * ({size} / max(picture.size)))) for side in picture.size)
small, picture = picture.resize((w, h), {how}), Image.new("{mode}", ({size}, {size}), {grey})
picture.paste(small, (({size} - w) // 2, ({size} - h) // 2))"""
    return f"""{head}
w, h = picture.size
w, h = ({side}, max({side}, int({side} * h / w))) if w <= h else (max({side}, int({side} * w / h)), {side})
left, top = round((w - {size}) / 2), round((h - {size}) / 2)
picture = picture.resize((w, h), {how}).crop((left, top, left + {size}, top + {size}))"""


def _answer(artifact: Artifact, call: str) -> str:
    run = f"values = {call.replace('pictures})', 'pixels})').replace('(pictures)', '(pixels)')}[0]"
    if artifact.task == "regression":
        return f"{run}\nprint(*values)"
    name = "told['classes'][k]" if artifact.classes else "k"
    if artifact.task == "multilabel":
        return f"{run}\nfor k in np.flatnonzero(values > 0.5):\n    print({name}, values[k])"
    return (
        f"{run}\nk = int(values.argmax())\n"
        f"print({name}, values[k], '(unsure)' if values[k] < told['unsure_below'] else '')"
    )


def _inside(artifact: Artifact) -> str:
    ends = {
        "classification": ", the softmax and its calibrated temperature",
        "multilabel": ", the sigmoid and its calibrated temperature",
    }
    return ends.get(artifact.task, "")


def _shape(preprocess: Preprocess | None) -> str:
    assert preprocess is not None
    return f"{preprocess.size}, {preprocess.size}, {preprocess.channels}"


def _colour(preprocess: Preprocess) -> str:
    return "RGB" if preprocess.channels == 3 else "grey"


def _of(artifact: Artifact) -> Preprocess:
    assert artifact.preprocess is not None
    return artifact.preprocess
