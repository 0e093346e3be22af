"""Changes of a tree that no intercepted call has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._prove.injection_points import RecordedCall
    from pytest_fsfault._prove.tree import Tree


def untracked(path: str) -> str:
    """Return what is said about such a change."""
    return (
        f"{path} was changed although no call of ours changed it: a native program or C code did, "
        "which no fault reaches"
    )


def unseen(before: Tree, after: Tree, root: str, calls: Iterable[RecordedCall]) -> list[str]:
    """Return what differs between two trees although none of the calls has changed it, or a directory above it."""
    named = {path for call in calls for path in (call.path, call.target) if path is not None}
    touched = {path.removeprefix(f"{root}/") for path in named}
    if root in named:
        return []
    return [path for path in before.changes(after) if not touched.intersection(_upwards(path))]


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
