"""Judge the tree, the waits and the error that a trial has left: each oracle returns what is wrong, or nothing.

The six of them catch the kinds of bug that installers have; trees are given as snapshots.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._host.path_globs import read_path_glob
from pytest_fsfault._prove.tree import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_fsfault._core.clock import Wait
    from pytest_fsfault._prove.tree import Tree

    Ignored = Callable[[str], bool]

# Any place does: patterns are matched against paths relative to the root of the tree.
_ROOT = "/tree"


def matcher(name: str, patterns: Iterable[object], ignore_case: bool) -> Ignored:
    """Return a test whether a path in a tree, or a directory above it, matches a glob; `name` is the argument.

    A glob means what it means in a rule: without ``/`` the last name, with ``/`` the path below the root.
    """
    globs = [found for one in patterns if (found := read_path_glob(name, one, ignore_case)) is not None]

    def matches(path: str) -> bool:
        parts = path.split("/")
        tops = ("/".join(parts[: end + 1]) for end in range(len(parts)))
        return any(glob.matches(f"{_ROOT}/{top}", [_ROOT]) for top in tops for glob in globs)

    return matches


def difference(old: Tree, new: Tree, ignored: Ignored | None = None) -> str:
    """Return how one tree differs from another, but for what is ignored."""
    if old == new:
        return ""
    changes = old.changes(new)
    if ignored is not None and old.kind == new.kind:
        changes = [path for path in changes if not ignored(path)]
    return shown(old, new, changes) if changes else ""


def not_atomic(before: Tree, after: Tree, tree: Tree, ignored: Ignored | None) -> str:
    """Return why a tree is neither exactly the old nor exactly the new one."""
    from_new = difference(after, tree, ignored)
    if not from_new:
        return ""
    from_old = difference(before, tree, ignored)
    if not from_old:
        return ""
    # The nearer of both says what is missing.
    old_is_nearer = from_old.count("\n") <= from_new.count("\n")
    which, text = ("old", from_old) if old_is_nearer else ("new", from_new)
    return f"the tree is neither the old nor the new one; compared with the {which} one:\n{text}"


def lost(before: Tree, after: Tree, tree: Tree, backups: Sequence[Tree], is_backup: Ignored | None) -> str:
    """Return which files of the old tree are neither in their place nor in a back-up.

    Once the tree is the new one, but for what is left of back-ups, the old content need not be anywhere. Without
    patterns any other place in the tree will do.
    """
    if not difference(after, tree, is_backup):
        return ""
    spare = Counter(_spare(before, tree, is_backup))
    for backup in backups:
        spare.update(item.digest for item in backup.values() if item.kind == "file")
    missing = []
    for path, item in sorted(before.items()):
        if item.kind != "file" or _same(tree, path, item.digest):
            continue
        if spare[item.digest]:
            spare[item.digest] -= 1
        else:
            missing.append(f"- {legible(path)} ({item.size} bytes)")
    if not missing:
        return ""
    return "these files of the old tree are neither in place nor in a back-up:\n" + "\n".join(missing)


def _spare(before: Tree, tree: Tree, is_backup: Ignored | None) -> Iterable[str]:
    for path, item in tree.items():
        if item.kind != "file" or (is_backup is not None and not is_backup(path)):
            continue
        in_place = path in before and before[path].digest == item.digest
        if not in_place:
            yield item.digest


def _same(tree: Tree, path: str, digest: str) -> bool:
    return path in tree and tree[path].kind == "file" and tree[path].digest == digest


def leftovers(before: Tree, tree: Tree, matches: Ignored) -> str:
    """Return what is in a tree, matches a pattern of temporary files, and was not there before."""
    found = [path for path in tree if path not in before and matches(path)]
    tops = [path for path in found if not any(path.startswith(f"{other}/") for other in found)]
    if not tops:
        return ""
    lines = (f"+ {legible(path)}{'/' if tree[path].kind == 'directory' else ''}" for path in sorted(tops))
    return "temporary files are left:\n" + "\n".join(lines)


def waited(waits: Iterable[Wait]) -> float:
    """Return how many virtual seconds were spent waiting; waits at the same time count once."""
    total = end = 0.0
    for wait in sorted(waits):
        until = wait.at + wait.seconds
        if until > end:
            total += until - max(wait.at, end)
            end = until
    return round(total, 9)  # the clock counts nanoseconds
