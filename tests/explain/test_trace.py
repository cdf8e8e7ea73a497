"""Output of terminals, notebooks, logs of several ranks: read alike."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lamplighter.explain import explain_traceback, last_line
from lamplighter.explain.trace import read_trace

SHAPE = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x4096 and 1024x64)"
TRACEBACK = f"""Epoch 1: loss 2.3
Traceback (most recent call last):
  File "/home/ann/train.py", line 40, in <module>
    loss = step(images)
           ^^^^^^^^^^^^
  File "/home/ann/net.py", line 12, in forward
    x = self.fc1(x)
        ^^^^^^^^^^^
  File "/home/ann/.venv/lib/python3.12/site-packages/torch/nn/modules/module.py", line 1773, in _wrapped_call_impl
    return self._call_impl(*args, **kwargs)
  File "/home/ann/.venv/lib/python3.12/site-packages/torch/nn/modules/linear.py", line 125, in forward
    return F.linear(input, self.weight, self.bias)
{SHAPE}
"""
NOTEBOOK = f"""\x1b[31m---------------------------------------------------------------------------\x1b[39m
\x1b[31mRuntimeError\x1b[39m                              Traceback (most recent call last)
\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[8]\x1b[39m\x1b[32m, line 3\x1b[39m
\x1b[32m      1\x1b[39m images = images.to(device)
\x1b[32m----> 3\x1b[39m outputs = net(images)

\x1b[36mFile \x1b[39m\x1b[32m~/venv/lib/python3.12/site-packages/torch/nn/modules/linear.py:125\x1b[39m, in \x1b[36mLinear.forward\x1b[39m\x1b[34m(self, input)\x1b[39m
\x1b[32m    124\x1b[39m def forward(self, input):
\x1b[32m--> 125\x1b[39m     return F.linear(input, self.weight, self.bias)

\x1b[31m{SHAPE.partition(":")[0]}\x1b[39m:{SHAPE.partition(":")[2]}
"""
OLD_NOTEBOOK = f"""---------------------------------------------------------------------------
RuntimeError                              Traceback (most recent call last)
<ipython-input-5-cf6ed576bc1c> in <module>()
      1 for images, labels in loader:
----> 2     outputs = net(images)
      3     loss = criterion(outputs, labels)

{SHAPE}
"""
RICH = f"""╭───────────────────── Traceback (most recent call last) ──────────────────────╮
│ /home/ann/train.py:40 in <module>                                            │
│                                                                              │
│   38 │                                                                       │
│ ❱ 40 │   loss = step(images)                                                 │
│                                                                              │
│ /home/ann/.venv/lib/python3.12/site-packages/torch/nn/modules/linear.py:125  │
│ in forward                                                                   │
╰──────────────────────────────────────────────────────────────────────────────╯
{SHAPE}
"""
RANKS = "\n".join(f"[rank0]: {line}" for line in TRACEBACK.splitlines()) + (
    "\nE0801 13:23:20.000000 32974 torch/distributed/elastic/multiprocessing/api.py:874] failed (exitcode: 1)\n"
    "Traceback (most recent call last):\n"
    '  File "/home/ann/.venv/bin/torchrun", line 8, in <module>\n'
    "    sys.exit(main())\n"
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
    "=====\ntrain.py FAILED\n-----\nRoot Cause (first observed failure):\n[0]:\n  exitcode  : 1 (pid: 11377)\n"
)


@pytest.mark.parametrize(
    ("text", "file", "line", "code"),
    [
        (TRACEBACK, "/home/ann/net.py", 12, "x = self.fc1(x)"),
        (TRACEBACK.replace("\n", "\r\n"), "/home/ann/net.py", 12, "x = self.fc1(x)"),
        (NOTEBOOK, "notebook cell 8", 3, "outputs = net(images)"),
        (OLD_NOTEBOOK, "<ipython-input-5-cf6ed576bc1c>", 2, "outputs = net(images)"),
        (RICH, "/home/ann/train.py", 40, "loss = step(images)"),
        (RANKS, "/home/ann/net.py", 12, "x = self.fc1(x)"),
    ],
    ids=["python", "windows lines", "notebook", "old notebook", "rich", "torchrun"],
)
def test_the_error_and_the_own_line_are_found(text: str, file: str, line: int, code: str) -> None:
    """Whatever printed the traceback, the error is recognised and the own last line is named."""
    found = explain_traceback(text)
    assert found is not None
    assert found.kind == "matmul-shape"
    assert found.place is not None
    assert (found.place.file, found.place.line, found.place.code) == (file, line, code)


def test_the_root_error_is_explained_and_the_later_one_is_mentioned() -> None:
    """When a known error is wrapped in an unknown one, the known one is explained."""
    text = (
        TRACEBACK
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + 'Traceback (most recent call last):\n  File "/home/ann/train.py", line 50, in <module>\n    main()\n'
        + "mytrainer.TrainingError: epoch 1 failed\n"
    )
    found = explain_traceback(text)
    assert found is not None
    assert found.kind == "matmul-shape"
    assert found.notes == (
        "A later error followed from it: mytrainer.TrainingError: epoch 1 failed",
    )


def test_an_unknown_error_is_not_guessed() -> None:
    """An unknown error stays unknown, even beside a warning that is known."""
    text = (
        "UserWarning: Using a target size (torch.Size([4])) that is different to the input size "
        "(torch.Size([4, 1])). This will likely lead to incorrect results\n"
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\n'
        "ValueError: the moon is in the wrong house\n"
    )
    assert explain_traceback(text) is None
    assert last_line(text) == "ValueError: the moon is in the wrong house"


def test_a_bare_message_is_enough() -> None:
    """A message without type or traceback is recognised too, and its line is quoted."""
    found = explain_traceback("mat1 and mat2 shapes cannot be multiplied (64x4096 and 1024x64)")
    assert found is not None
    assert found.error.startswith("mat1 and mat2")
    assert found.where == ""


@pytest.mark.parametrize("text", ["", "\n\n", "hello", "\x1b[31m", "File", "Traceback", "│" * 50])
def test_any_text_is_read_without_failing(text: str) -> None:
    """Text that is no error is told to be unknown."""
    assert explain_traceback(text) is None


def test_a_long_log_is_read_from_its_end() -> None:
    """Of a log larger than the bound, the end is read."""
    text = "epoch 1 loss 0.5\n" * 200_000 + TRACEBACK
    found = explain_traceback(text)
    assert found is not None
    assert found.kind == "matmul-shape"
    assert len(read_trace(text).text) <= 2_000_000


def test_explaining_imports_no_torch() -> None:
    """`lamp explain -` works where torch is broken or missing."""
    code = "import sys, lamplighter.explain; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "text",
    ["unable to open " * 100_000, "Weights only load failed " * 50_000, "a" * 1_000_000],
    ids=["openings", "refusals", "one word"],
)
def test_look_alikes_are_searched_within_bounds(text: str) -> None:
    """Text made of beginnings of known errors is cut to the bounds before patterns see it."""
    trace = read_trace(text)
    assert max(len(line) for line in trace.text.split("\n")) <= 2_000
    assert explain_traceback(text) is None
