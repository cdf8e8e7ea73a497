"""Data that a model is only judged on: every example in its own split, nothing cut, no train needed."""

from __future__ import annotations

from lamplighter.data.digests import UnreadableFiles, digest_all
from lamplighter.data.example import WHOLE, Collection, Example, Source
from lamplighter.data.labels import settle
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener


def collect_to_score(
    source: Source, *, task: str, skip_unreadable: bool = False, listener: Listener = SILENT
) -> Collection:
    """A source's examples in the splits that it names itself; those without one are "all".

    Args:
        source: what yields the examples.
        task: the task of the model.
        skip_unreadable: files that cannot be read are left in, without a digest, to be named with
            the pictures that cannot be decoded.
        listener: hears what the source has noted.

    Raises:
        DataError: nothing there, or labels that do not fit the task.
        UnreadableFiles: some cannot be read, and that is not to be skipped.
    """
    for note in source.notes:
        listener.warn(note)
    examples = list(source.examples())
    if not examples:
        raise DataError(
            "no pictures found",
            where=source.root or source.name,
            fix=f"lamp look {source.root or source.name} shows what is there",
        )
    task, examples = settle(examples, task, source)
    splits: dict[str, list[Example]] = {}
    names: set[str] = set()
    for example in examples:
        splits.setdefault(example.split or WHOLE, []).append(example)
        names |= set(example.label) if isinstance(example.label, tuple) else {str(example.label)}
    classes = () if task == "regression" else tuple(sorted(names))
    try:
        digests = digest_all(source, examples, listener)
    except UnreadableFiles as fault:
        if not skip_unreadable:
            raise
        rest = [example for example in examples if example.key not in fault.keys]
        digests = digest_all(source, rest, listener) | dict.fromkeys(fault.keys, "")
    parts = {split: tuple(members) for split, members in splits.items()}
    return Collection(source, task, classes, parts, digests)
