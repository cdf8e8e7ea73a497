"""What the answers over the gallery add up to, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

ALARMS = ("error", "warning")


def report(index: list[dict[str, Any]], answers: dict[Any, dict[str, Any]], source: str) -> str:
    """The whole report.

    Args:
        index: the bugs of `gallery/index.toml`.
        answers: job → the document of `lamp check SCRIPT --json`.
        source: what names the state of Lamplighter.
    """
    parts = [f"Source of Lamplighter: {source}.\n"]
    bugs = {(job.script.name, job.steps): a for job, a in answers.items() if job.kind == "bugs"}
    if bugs:
        parts += _bugs([bug for bug in index if (bug["file"], None) in bugs], bugs)
    for kind in ("twins", "healthy"):
        runs = [(job, answer) for job, answer in answers.items() if job.kind == kind]
        if runs:
            parts += _quiet(kind, runs)
    return "\n".join(parts) + "\n"


def _bugs(index: list[dict[str, Any]], answers: dict[Any, dict[str, Any]]) -> list[str]:
    rows, families, found_families = [], Counter(), Counter()
    found = lined = at_line = early = early_known = as_error = failed = noisy = 0
    for bug in index:
        answer = answers[bug["file"], None]
        hits = _of_codes(answer["findings"], bug["codes"])
        others = [f for f in _alarms(answer["findings"]) if f not in hits]
        right = bool(bug["lines"]) and any(f.get("line") in bug["lines"] for f in hits)
        single = answers.get((bug["file"], 1))
        soon = single is not None and bool(_of_codes(single["findings"], bug["codes"]))
        families[_family(bug)] += 1
        found_families[_family(bug)] += bool(hits)
        found += bool(hits)
        as_error += any(f["level"] == "error" for f in hits)
        if hits and bug["lines"]:
            lined += 1
            at_line += right
        if hits and single is not None:
            early_known += 1
            early += soon
        failed += "failed" in answer
        noisy += bool(others)
        line = ("yes" if right else _lines(hits)) if hits and bug["lines"] else ""
        when = "" if single is None or not hits else "≤ 1 step" if soon else "later"
        state = "failed" if "failed" in answer else "yes" if hits else "**no**"
        cells = [bug["file"][:-3], " ".join(bug["codes"]), state, line, when, _short(others)]
        rows.append("| " + " | ".join(cells) + " |")
    total = len(index)
    summary = [
        "| | of | |",
        "|---|---:|---:|",
        f"| expected code found | {total} | {found} ({found / total:.0%}) |",
        f"| … at level error | {total} | {as_error} ({as_error / total:.0%}) |",
        f"| found at a right line | {lined} | {at_line} ({_share(at_line, lined)}) |",
    ]
    if early_known:
        share = _share(early, early_known)
        summary.append(f"| found with `--steps 1` | {early_known} | {early} ({share}) |")
    summary += [
        f"| bugs with another error or warning as well | {total} | {noisy} |",
        f"| the command failed | {total} | {failed} |",
        "",
        "Found, by the family of the first code: "
        + ", ".join(f"{k} {found_families[k]}/{families[k]}" for k in sorted(families))
        + ".",
        "",
    ]
    head = ["| script | expected | found | line | when | other errors and warnings |"]
    return ["## Bugs\n", *summary, *head, "|---|---|---|---|---|---|", *rows, ""]


def _quiet(kind: str, runs: list[tuple[Any, dict[str, Any]]]) -> list[str]:
    rows, codes = [], Counter()
    errors = warnings = failed = 0
    for job, answer in runs:
        alarms = _alarms(answer["findings"])
        errors += any(f["level"] == "error" for f in alarms)
        warnings += any(f["level"] == "warning" for f in alarms)
        failed += "failed" in answer
        codes.update({(f["level"], f["code"]) for f in alarms})
        if alarms or "failed" in answer:
            what = _short(alarms) or str(answer["failed"]).strip().splitlines()[-1][:120]
            rows.append(f"| {job.script.stem} | {job.seed} | {what} |")
    total = len(runs)
    by_code = ", ".join(f"{code} {level} ×{n}" for (level, code), n in codes.most_common())
    return [
        f"## {kind.capitalize()}\n",
        "| | of | |",
        "|---|---:|---:|",
        f"| runs with an error | {total} | {errors} ({errors / total:.1%}) |",
        f"| runs with a warning | {total} | {warnings} ({warnings / total:.1%}) |",
        f"| the command failed | {total} | {failed} |",
        "",
        f"By code: {by_code or 'none'}.",
        "",
        *(["| script | seed | alarms |", "|---|---:|---|", *rows, ""] if rows else []),
    ]


def _of_codes(findings: Iterable[dict[str, Any]], codes: list[str]) -> list[dict[str, Any]]:
    return [f for f in findings if f["code"] in codes and f["level"] in ALARMS]


def _alarms(findings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [f for f in findings if f["level"] in ALARMS]


def _family(bug: dict[str, Any]) -> str:
    return str(bug["codes"][0][0])


def _lines(hits: list[dict[str, Any]]) -> str:
    lines = sorted({str(f["line"]) for f in hits if f.get("line")})
    return f"no ({', '.join(lines)})" if lines else "no (none)"


def _short(findings: list[dict[str, Any]]) -> str:
    names = sorted({f"{f['code']} {f['level'][0].upper()}" for f in findings})
    return ", ".join(names)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"
