"""One tool over one folder: its pairs and the files it points out, as JSON on the last line.

    PYTHON benchmarks/look/others.py {lamp,cleanvision,imagededup,fastdup} FOLDER

PYTHON is that of an environment in which the tool is installed. Settings are the tools' own.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

Found = tuple[list[tuple[str, str]], dict[str, list[str]]]


def lamp(folder: Path) -> Found:
    """`lamp look`, nothing cached."""
    from lamplighter.look.verdict import look

    pairs: list[tuple[str, str]] = []
    pointed: dict[str, list[str]] = {}
    for exhibit in look(folder, cache=False).exhibits:
        for group in exhibit.groups:
            paths = [str(picture.example.path) for picture in group]
            pairs += combinations(paths, 2)
            if len(paths) == 1 and exhibit.finding.level != "info":
                pointed.setdefault(exhibit.finding.code, []).extend(paths)
    return pairs, pointed


def cleanvision(folder: Path) -> Found:
    """Imagelab, all default issues."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues(verbose=False)
    pairs: list[tuple[str, str]] = []
    for kind in ("exact_duplicates", "near_duplicates"):
        for same in lab.info.get(kind, {}).get("sets", []):
            pairs += combinations(map(str, same), 2)
    columns = [
        name for name in lab.issues.columns if name.startswith("is_") and "duplicate" not in name
    ]
    return pairs, {
        name: [str(path) for path in lab.issues.index[lab.issues[name]]] for name in columns
    }


def imagededup(folder: Path) -> Found:
    """PHash at its default distance; the network needs weights from the internet."""
    from imagededup.methods import PHash

    found = PHash().find_duplicates(image_dir=str(folder), recursive=True)
    pairs = {
        tuple(sorted((str(folder / a), str(folder / b)))) for a, same in found.items() for b in same
    }
    return sorted(pairs), {}  # type: ignore[return-value]


def fastdup(folder: Path) -> Found:
    """The default run; pairs above its default of 0.9, and what it calls invalid, dark or blurred."""
    import fastdup as tool

    work = tool.create(work_dir=tempfile.mkdtemp(), input_dir=str(folder))
    work.run(print_summary=False, overwrite=True)
    close = work.similarity()
    close = close[close["distance"] > 0.9]
    names = [
        (str(a), str(b)) for a, b in zip(close["filename_from"], close["filename_to"], strict=True)
    ]
    pointed = {"invalid": [str(path) for path in work.invalid_instances()["filename"]]}
    stats = work.img_stats()
    pointed["dark"] = [str(path) for path in stats[stats["mean"] < 13]["filename"]]
    pointed["blurred"] = [str(path) for path in stats[stats["blur"] < 50]["filename"]]
    return names, pointed


def main() -> None:
    """Runs one tool."""
    name, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    started = time.monotonic()
    pairs, pointed = {
        "lamp": lamp,
        "cleanvision": cleanvision,
        "imagededup": imagededup,
        "fastdup": fastdup,
    }[name](folder)
    wall = time.monotonic() - started
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told = {
        "tool": name,
        "wall": wall,
        "processor": sum(use.ru_utime + use.ru_stime for use in uses),
        "megabytes": max(use.ru_maxrss for use in uses) / 1024,
        "pairs": [[below(a, folder), below(b, folder)] for a, b in pairs],
        "pointed": {
            kind: [below(path, folder) for path in paths] for kind, paths in pointed.items()
        },
    }
    print("\n" + json.dumps(told))


def below(path: str, folder: Path) -> str:
    """The name below the folder, of a path that starts there, here, or at the root."""
    from_here = Path(path).resolve()
    return os.path.relpath(from_here if from_here.exists() else folder / path, folder)


if __name__ == "__main__":
    main()
