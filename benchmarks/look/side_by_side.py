"""What each tool finds of what `planted.py` planted, from the JSON lines of `others.py`.

python benchmarks/look/side_by_side.py SET/planted.json lamp.txt cleanvision.txt ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """A Markdown table, a column per tool."""
    planted = json.loads(Path(sys.argv[1]).read_text())
    tools = [json.loads(Path(file).read_text().strip().splitlines()[-1]) for file in sys.argv[2:]]
    rows = [["", *(tool["tool"] for tool in tools)], ["---"] * (len(tools) + 1)]
    rows.append(["wall, s", *(f"{tool['wall']:.0f}" for tool in tools)])
    rows.append(["processor, s", *(f"{tool['processor']:.0f}" for tool in tools)])
    rows.append(["memory, MB", *(f"{tool['megabytes']:.0f}" for tool in tools)])
    told = [{tuple(sorted(pair)) for pair in tool["pairs"]} for tool in tools]
    real = {tuple(sorted(pair)) for pairs in planted["pairs"].values() for pair in pairs}
    for kind, pairs in planted["pairs"].items():
        wanted = {tuple(sorted(pair)) for pair in pairs}
        rows.append([f"copy: {kind}", *(f"{len(wanted & have)}/{len(wanted)}" for have in told)])
    spoilt = {name for names in planted["faults"].values() for name in names}
    rows.append(
        [
            "pairs not planted",
            *(str(sum(1 for pair in have - real if not spoilt & set(pair))) for have in told),
        ]
    )
    for fault, names in planted["faults"].items():
        rows.append([f"fault: {fault}", *(pointed_out(tool, set(names)) for tool in tools)])
    sound = [
        {name for names in tool["pointed"].values() for name in names} - spoilt for tool in tools
    ]
    rows.append(["sound files pointed out", *(str(len(names)) for names in sound)])
    print("\n".join("| " + " | ".join(row) + " |" for row in rows))
    for tool, names in zip(tools, sound, strict=True):
        kinds = {kind: len(set(files) & names) for kind, files in tool["pointed"].items()}
        print(f"\n{tool['tool']}, sound files by kind: {kinds}", file=sys.stderr)


def pointed_out(tool: dict, names: set[str]) -> str:
    """How many of the files, and as what most of them."""
    hits = {kind: len(names & set(files)) for kind, files in tool["pointed"].items()}
    found = {name for files in tool["pointed"].values() for name in files} & names
    kind = max(hits, key=lambda one: hits[one], default="") if found else ""
    return f"{len(found)}/{len(names)}" + (f" ({kind})" if kind else "")


if __name__ == "__main__":
    main()
