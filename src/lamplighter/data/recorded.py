"""The split of an earlier run, put on the same data again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Some
from collections.abc import Sequence
from dataclasses import replace

from lamplighter.data.align import align
from lamplighter.data.digests import UnreadableFiles, digest_all, list_faults
from lamplighter.data.example import SPLITS, Collection, Example, Source
from lamplighter.data.labels import settle
from lamplighter.data.split_file import SplitRow
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener


def collect_as_recorded(
    source: Source,
    rows: Sequence[SplitRow],
    *,
    task: str = "auto",
    skip: Some[str] = frozenset(),
    listener: Listener = SILENT,
) -> Collection:
    """Sorts a source's examples into the splits that an earlier run wrote down.

    An example is known by its key, or by its content when the file was renamed. Files that came
    since are left out, and this is said.

    Args:
        source: the data of the earlier run, as they lie now.
        rows: what `read_split` gave.
        task: the task of the earlier run.
        skip: keys to leave out.
        listener: is warned of what changed.

    Raises:
        DataError: recorded files are gone, or their contents changed; the first ten named.
    """
    examples = [one for one in source.examples() if one.key not in skip]
    task, examples = settle(examples, task, source) if examples else (task, [])
    unreadable: Some[str] = ()
    try:
        digests = digest_all(source, examples, listener)
    except UnreadableFiles as fault:
        # the earlier run may have been told to leave them out: they matter if a row names them
        unreadable = fault.keys
        examples = [one for one in examples if one.key not in unreadable]
        digests = digest_all(source, examples, listener)
    by_key = {one.key: one for one in examples}
    by_content = {digests[one.key]: one for one in examples}
    recorded = {row.key for row in rows}
    renamed: dict[str, list[Example]] = defaultdict(list)  # content → files of other names
    for one in examples:
        if one.key not in recorded:
            renamed[digests[one.key]].append(one)
    faults: list[str] = []
    placed: dict[str, str] = {}
    for row in rows:
        if row.key in skip:
            continue
        found = by_key.get(row.key)
        if found is None or digests[found.key] != row.digest:
            lost = "cannot be read" if row.key in unreadable else "gone"
            lost = "changed" if found is not None else lost
            others = renamed[row.digest]  # copies were renamed one by one
            found = others.pop(0) if others else by_content.get(row.digest)
            if found is None:
                faults.append(f"{row.key}: {lost}")
                continue
        placed[found.key] = row.split
    if faults:
        raise DataError(
            list_faults(f"{len(faults):,} files of the recorded split are gone or changed", faults),
            where=source.root or source.name,
            fix="put the files back, or train again on what is there now",
        )
    new = len(examples) - len(placed)
    if new:
        listener.warn(
            f"{new:,} {'file is' if new == 1 else 'files are'} not in the run's split, having come "
            "later or been left out then: left out"
        )
    known = [replace(one, split=placed[one.key]) for one in examples if one.key in placed]
    splits = {name: tuple(one for one in known if one.split == name) for name in SPLITS}
    splits = {name: members for name, members in splits.items() if members}
    classes = align(splits, task, source, listener)
    kept = {one.key: digests[one.key] for one in known}
    return Collection(source, task, classes, splits, kept, (), "as recorded in split.csv")
