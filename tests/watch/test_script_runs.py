"""A script in a process of its own: bounded, explained where it fails, cut short where it is long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lamplighter
from lamplighter.cli import run as lamp
from lamplighter.cli.check_script import run_script_check
from lamplighter.errors import UsageError
from lamplighter.watch.script import check_script

SCRIPTS = Path(__file__).parent / "scripts"

LONG = """
import sys
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Big(Dataset):
    def __init__(self, first):
        self.first = first

    def __len__(self):
        return 40_000

    def __getitem__(self, i):
        made = torch.Generator().manual_seed(self.first + i)
        x = torch.randn(8, generator=made)
        return x, int(x[0] > 0)


train = DataLoader(Big(0), batch_size=8, shuffle=True)
test = DataLoader(Big(1_000_000), batch_size=8)
model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    for x, y in train:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    right = 0
    with torch.no_grad():
        for x, y in test:
            right += (model(x).argmax(1) == y).sum().item()
    print("accuracy", right / len(test.dataset))
best = model.state_dict()
torch.save(model, sys.argv[1])
"""


def test_long_program_is_cut_short_and_seen_to_its_end(tmp_path: Path) -> None:
    """Loaders are shortened, so that evaluation and the save at the end of 20 epochs are seen."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    report = check_script(str(script), [str(tmp_path / "net.pth")], steps=20, talk=sys.stderr)
    assert [(f.code, f.line) for f in report.findings] == [("R103", 34), ("A104", 37)]
    assert report.end == "finished"
    assert 20 <= report.steps <= 80
    assert (tmp_path / "net.pth").exists()
    assert not report.is_clean()


def test_iterator_that_the_user_drives_is_not_shortened(tmp_path: Path) -> None:
    """A bare next() never meets an end that the real program would not meet."""
    script = tmp_path / "driven.py"
    script.write_text(
        "import torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "batches = iter(DataLoader(TensorDataset(torch.randn(200, 3)), batch_size=2))\n"
        "model = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for step in range(100):\n"
        "    optimizer.zero_grad()\n"
        "    model(next(batches)[0]).pow(2).mean().backward()\n"
        "    optimizer.step()\n"
    )
    report = check_script(str(script), steps=4)
    assert (report.end, report.steps, report.findings) == ("finished", 100, [])


def test_failing_script_is_explained(tmp_path: Path) -> None:
    """Its own exception comes back with its traceback, without our frames, and an explanation."""
    script = tmp_path / "fails.py"
    script.write_text(
        "import torch\n"
        "from torch import nn\n"
        "net = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(5, 2))\n"
        "net(torch.randn(2, 8))\n"
    )
    report = check_script(str(script))
    assert report.end == "failed"
    assert not report.is_clean()
    assert report.failure is not None
    assert "mat1 and mat2 shapes cannot be multiplied" in report.failure["message"]
    # the package itself, not a folder of that name in which it was cloned
    assert str(Path(lamplighter.__file__).parent) not in report.failure["traceback"]
    assert f'"{script}", line 4' in report.failure["traceback"]
    assert report.failure["explanation"]


def test_program_that_never_trains_is_told_so(tmp_path: Path) -> None:
    """No finding, and one sentence."""
    script = tmp_path / "answers.py"
    script.write_text("import torch\nprint(torch.nn.Linear(2, 2)(torch.ones(1, 2)).shape)\n")
    report = check_script(str(script))
    assert report.findings == []
    assert report.notes == [
        "no optimizer made a step: the script does not train, or it changes its weights in "
        "a way that is not followed"
    ]


def test_endless_program_is_ended(tmp_path: Path) -> None:
    """The time bound ends a loop that goes on for ever, and what was found until then is told."""
    script = tmp_path / "endless.py"
    script.write_text(
        "import torch\n"
        "model = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)\n"
        "while True:\n"
        "    model(torch.randn(4, 3)).pow(2).mean().backward()\n"
        "    optimizer.step()\n"
    )
    report = check_script(str(script), seconds=6)
    assert report.end == "enough"
    assert [(f.code, f.line) for f in report.findings] == [("R101", 5)]


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_started_processes_are_watched(tmp_path: Path) -> None:
    """Two processes train with DDP; calling the network inside it is named, and they differ."""
    script = tmp_path / "several.py"
    script.write_text(
        "import sys, torch\n"
        "import torch.distributed as dist\n"
        "from torch import nn\n"
        "from torch.nn.parallel import DistributedDataParallel as DDP\n"
        "def work(rank, store):\n"
        "    address = f'file://{store}'\n"
        "    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)\n"
        "    torch.manual_seed(rank)\n"
        "    ddp = DDP(nn.Linear(4, 2))\n"
        "    optimizer = torch.optim.SGD(ddp.parameters(), lr=0.1)\n"
        "    for step in range(8):\n"
        "        optimizer.zero_grad()\n"
        "        net = ddp if step == 0 else ddp.module\n"
        "        net(torch.randn(4, 4)).pow(2).mean().backward()\n"
        "        optimizer.step()\n"
        "    dist.destroy_process_group()\n"
        "if __name__ == '__main__':\n"
        "    torch.multiprocessing.spawn(work, args=(sys.argv[1],), nprocs=2)\n"
    )
    # three processes import torch: beside other work, longer than the two minutes that are usual
    report = check_script(str(script), [str(tmp_path / "store")], seconds=600)
    assert report.end == "finished"
    assert {f.code for f in report.findings} == {"G101", "G102"}
    assert {f.line for f in report.findings if f.code == "G102"} == {14}
    assert report.steps == 16
    assert report.notes == []


def test_json_is_alone_on_stdout(tmp_path: Path) -> None:
    """With --json stdout holds one document with file and line; the script's prints go elsewhere."""
    path = SCRIPTS / "dirty" / "eval_missing.py"
    code = "from lamplighter.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(path), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["script"] == str(path)
    assert document["checks"] > 50
    assert document["steps"] == 22  # two epochs of 10, then 2 batches
    assert document["seconds"] > 0
    (finding,) = document["findings"]
    assert finding["code"] == "R103"
    assert finding["file"] == str(path)
    assert finding["line"] == 18
    assert finding["fix"]


def test_allowed_finding_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """`--allow R103` keeps the finding, with the reason, and the exit code is 0."""
    path = SCRIPTS / "dirty" / "eval_missing.py"
    assert run_script_check(str(path), allow={"R103": "wanted"}) == 0
    told = capsys.readouterr().out
    assert "R103" in told
    assert "allowed: wanted" in told
    assert "0 errors, 0 warnings, 1 allowed" in told


def test_several_codes_are_allowed_in_one_flag(capsys: pytest.CaptureFixture[str]) -> None:
    """`--allow R101,R103`, which a stopped training proposes, allows both in a script as well."""
    path = SCRIPTS / "dirty" / "eval_missing.py"
    assert lamp(["check", str(path), "--allow", "R101,R103"]) == 0
    assert "allowed: allowed by the user" in capsys.readouterr().out


def test_an_unknown_code_is_refused_before_the_script_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--allow R999` would allow nothing."""
    path = SCRIPTS / "dirty" / "eval_missing.py"
    assert lamp(["check", str(path), "--allow", "R999"]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert "there is no finding code called 'R999'" in said
    assert "lamp explain R" in said


def test_missing_script_is_told(tmp_path: Path) -> None:
    """A path that does not exist is a usage error that names it."""
    with pytest.raises(UsageError, match="there is no such file"):
        check_script(str(tmp_path / "nothing.py"))


NEEDS_ALL = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x, y = torch.randn(400, 4), torch.randint(0, 2, (400,))
net = nn.Linear(4, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    for xb, yb in DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(xb), yb).backward()
        optimizer.step()
    with torch.no_grad():
        loader = DataLoader(TensorDataset(x, y), batch_size=20)
        answers = torch.cat([net(xb).argmax(1) for xb, _ in loader])
    print((answers == y).float().mean().item())
"""


def test_a_program_that_needs_every_batch_gets_them(tmp_path: Path) -> None:
    """What fails only because its loaders were cut short is run again whole, and this is said."""
    script = tmp_path / "all.py"
    script.write_text(NEEDS_ALL)
    report = check_script(str(script), steps=20, seconds=60, talk=subprocess.DEVNULL)
    assert (report.end, report.failure, report.steps) == ("finished", None, 80)
    assert (
        "the script failed once its loaders were cut short (RuntimeError: The size"
        in (report.notes[0])
    )


def test_data_are_looked_into_after_an_end_that_was_near(tmp_path: Path) -> None:
    """The look into a set, whose reading is traced, comes to its end: it went on for ever on Python 3.11."""
    script = tmp_path / "sorted_set.py"
    script.write_text(
        "import torch\n"
        "from torch.utils.data import DataLoader, Dataset\n"
        "class Rows(Dataset):\n"
        "    def __init__(self):\n"
        "        self.items = [(torch.randn(4) + k, k) for k in range(4) for _ in range(100)]\n"
        "    def __len__(self):\n"
        "        return len(self.items)\n"
        "    def __getitem__(self, index):\n"
        "        return self.items[index]\n"
        "loader = DataLoader(Rows(), batch_size=16)\n"
        "model = torch.nn.Linear(4, 4)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for epoch in range(2):\n"
        "    for rows, kinds in loader:\n"
        "        optimizer.zero_grad()\n"
        "        torch.nn.functional.cross_entropy(model(rows), kinds).backward()\n"
        "        optimizer.step()\n"
    )
    report = check_script(str(script), steps=1, seconds=20)
    assert report.end in ("enough", "finished")
    assert "D106" in {finding.code for finding in report.findings}
