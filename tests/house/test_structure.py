"""The shape of the source: directions, sizes, and what may only be done in one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "lamplighter"
LONGEST_FILE = 400
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
# written where this checkout lies or how it was made would be of no use to anybody else
FOREIGN = ("/" + "work/", "files.python" + "hosted", "pypi" + ".org", "index" + "-url")


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(path for path in HOUSE.rglob("*.py") if "__pycache__" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """(dotted name, node) of every call in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of every import in a file, also of those inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def place(path: Path, node: ast.AST) -> str:
    """ "src/lamplighter/x.py:12", for messages."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}"


def tracked() -> list[Path]:
    """The files under version control, or all files of the known folders where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    folders = ("src", "tests", "docs", "benchmarks", "examples")
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def test_imports_run_downward_only() -> None:
    """No room imports a room above it, at the top of a file or inside a function."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_upward_import_is_noticed(tmp_path: Path) -> None:
    """The guard of the directions is able to fail: an errors room that imports stages breaks it."""
    copy = tmp_path / "src" / "lamplighter"
    for path in sources():
        target = copy / path.relative_to(HOUSE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    upward = (HOUSE / "errors.py").read_text(
        encoding="utf-8"
    ) + "\nfrom lamplighter import stages\n"
    (copy / "errors.py").write_text(upward, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    code = f"import sys; sys.path.insert(0, {str(copy.parent)!r}); from importlinter.cli import lint_imports_command as run; run(['--no-logo', '--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "lamplighter.errors -> lamplighter.stages" in done.stdout


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "docs", "examples"])
def test_no_file_is_longer_than_two_rooms(folder: str) -> None:
    """A Python file of more than 400 lines is two rooms and has to be parted."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_rooms_are_nouns_that_say_something() -> None:
    """No file or folder is called utils, helpers, common, misc or manager."""
    named = {part for path in sources() for part in path.relative_to(HOUSE).with_suffix("").parts}
    assert named & EMPTY_WORDS == set()


def test_only_the_command_line_prints() -> None:
    """Outside cli nothing prints; programs that run in a process of their own answer on stdout."""
    own_process = {HOUSE / "torch_probe.py", HOUSE / "watch" / "child.py"}
    found = [
        place(path, node)
        for path in sources()
        if path.relative_to(HOUSE).parts[0] != "cli" and path not in own_process
        for name, node in calls(path)
        if name in ("print", "sys.stdout.write", "sys.stderr.write")
    ]
    assert found == []


def test_only_the_command_line_ends_the_process() -> None:
    """Outside cli nothing calls exit; an error is raised and ends where commands end.

    Three files hold what runs in processes of their own: a watched script, a data worker, and a
    look ahead.
    """
    own_processes = {
        HOUSE / "watch" / "child.py", HOUSE / "data" / "worker.py", HOUSE / "look" / "ahead.py",
    }  # fmt: skip
    found = [
        place(path, node)
        for path in sources()
        if path.relative_to(HOUSE).parts[0] != "cli" and path not in own_processes
        for name, node in calls(path)
        if name in ("sys.exit", "exit", "quit", "os._exit", "os.abort")
    ]
    assert found == []


def test_nothing_is_ever_unpickled() -> None:
    """No module that can unpickle is imported: `pickletools` reads opcodes, and the class of the
    error that torch's weights-only reader raises runs nothing either."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {module}"
        for path in sources()
        for module, line in imports(path)
        if module.split(".")[0] in UNPICKLERS and module != "pickle.UnpicklingError"
    ]
    assert found == []


def test_torch_files_are_read_as_weights_only() -> None:
    """Every torch.load says weights_only=True, and numpy never allows pickles."""
    found = []
    for path in sources():
        for name, node in calls(path):
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if name.endswith("torch.load") and given.get("weights_only") != "True":
                found.append(place(path, node))
            if given.get("allow_pickle", "False") != "False":
                found.append(place(path, node))
            if name in ("eval", "exec") and path.relative_to(HOUSE).parts[0] != "watch":
                found.append(place(path, node))
    assert found == []


def test_registration_is_a_table_not_a_side_effect() -> None:
    """No room lists its own folder to find plug-ins."""
    found = [
        place(path, node)
        for path in sources()
        for name, node in calls(path)
        if name in ("pkgutil.iter_modules", "pkgutil.walk_packages")
    ]
    assert found == []


def test_tracked_text_names_no_foreign_place() -> None:
    """No file under version control names the machine or the index that it was made with."""
    found = []
    for path in tracked():
        if not path.is_file() or path.suffix in (".png", ".jpg", ".safetensors", ".ico"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in FOREIGN if word in text]
    assert found == []
