"""torchvision comes without torch's compiler, and all of both works afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from lamplighter.models.build import build

network = build("mobilenet_v2", 2).module.eval()
import torch

with torch.inference_mode():
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
assert not {"torch._dynamo", "torch._dynamo.utils", "sympy"} & sys.modules.keys()

from torchvision.ops import roi_align
from torchvision.ops.roi_align import is_compile_supported

boxes = torch.tensor([[0.0, 0.0, 0.0, 3.0, 3.0]])
roi_align_asks = is_compile_supported("cpu")
from torch._dynamo.utils import is_compile_supported as the_compilers

assert is_compile_supported is not the_compilers
assert roi_align_asks == the_compilers("cpu")
assert torch._dynamo.config is sys.modules["torch._dynamo"].config
print("sound")
"""
MORE = """
import importlib, sys
from lamplighter import light_import

# a torchvision that asks for more meets the compiler itself
with light_import._standing_in():
    import torch._dynamo.utils
    counters = sys.modules["torch._dynamo.utils"].counters
assert counters is importlib.import_module("torch._dynamo.utils").counters
assert light_import.import_torchvision().__name__ == "torchvision"
print("sound")
"""
LAST = """
import sys
from lamplighter import light_import

def refuse():
    raise AttributeError("a later torchvision")

kept = light_import._StandIn.__init__
light_import._StandIn.__init__ = lambda self, name: refuse()
assert light_import.import_torchvision().models
assert "torch._dynamo" in sys.modules  # imported as torchvision does by itself
print("sound")
"""


@pytest.mark.parametrize("program", [PROGRAM, MORE, LAST], ids=["as it is", "more", "refused"])
def test_torchvision_without_the_compiler(program: str) -> None:
    """In a process of its own, in which nothing is imported yet."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "sound"), done.stderr
