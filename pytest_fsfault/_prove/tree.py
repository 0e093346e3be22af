"""Tree, what a directory holds at one moment, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["file", "directory", "link", "other", "missing"]

# At most so many lines of a difference are shown.
_MOST = 40


class Item(Row):
    """One name in a tree.

    `size` is bytes and `digest` stands for the content, both of files; `mode` is the permission bits, `target`
    where a link leads, `group` the first of the names in this tree that are hard links to one file.
    """

    kind: Kind
    size: int = 0
    digest: str = ""
    mode: int = 0
    target: str = ""
    group: str = ""


class Tree(Mapping[str, Item]):
    """A snapshot of a directory: items by their path below it, separated by ``/``.

    Two trees are equal if they hold the same, wherever they are; times do not count. `kind` is what was
    found at the root itself: a single file has the path ``"."``, and what is missing holds nothing.
    """

    __module__ = "pytest_fsfault"
    __slots__ = ("_items", "kind", "root")

    def __init__(self, root: str, kind: Kind, items: dict[str, Item]) -> None:
        self.root = root
        self.kind = kind
        self._items = items

    def __getitem__(self, path: str) -> Item:
        return self._items[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, path: object) -> bool:
        return path in self._items

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree):
            return NotImplemented
        return self.kind == other.kind and self._items == other._items

    __hash__ = None  # type: ignore[assignment]  # not needed, and a tree may be large

    def __repr__(self) -> str:
        return f"<tree of {self.root}: {self.kind}, {len(self)} items>"

    def __str__(self) -> str:
        if self.kind == "missing":
            return "(nothing is there)"
        return "\n".join(_line(path, item) for path, item in sorted(self._items.items())) or "(empty)"

    def diff(self, other: Tree) -> str:
        """Return how `other` differs from this tree, a line for each difference; empty if they are equal.

        ``- name`` is gone, ``+ name`` is new, ``~ name`` is another; what lies below a directory that is gone
        or new as a whole is not listed.
        """
        if not isinstance(other, Tree):
            raise FsFaultError(f"diff({other!r}) takes a tree; write diff(fsfault.tree(root))")
        return shown(self, other, self.changes(other))

    def changes(self, other: Tree) -> list[str]:
        """Return the paths at which `other` differs from this tree, sorted."""
        mine, theirs = self._items, other._items
        if mine == theirs:
            return [] if self.kind == other.kind else ["."]
        gone_or_other = [path for path, item in mine.items() if theirs.get(path) != item]
        return sorted([*gone_or_other, *(path for path in theirs if path not in mine)])


def shown(old: Tree, new: Tree, changes: list[str]) -> str:
    """Return lines for those `changes` from one tree to another."""
    if old.kind != new.kind and "missing" in (old.kind, new.kind):
        count = f" ({_items(old or new)})" if old or new else ""
        return f"- the whole tree{count}" if new.kind == "missing" else f"+ the whole tree{count}"
    lines = list(_lines(old, new, changes))
    if old.kind != new.kind:
        lines.insert(0, f"~ the root: {old.kind} -> {new.kind}")
    if len(lines) > _MOST:
        lines[_MOST:] = [f"... and {len(lines) - _MOST} more"]
    return "\n".join(lines)


def _lines(old: Tree, new: Tree, changes: list[str]) -> Iterator[str]:
    top = "\0"
    for path in changes:
        before, after = old.get(path), new.get(path)
        if before is not None and after is not None:
            yield from _changed(path, before, after)
        elif not path.startswith(top):
            sign, item = ("-", before) if after is None else ("+", after)
            assert item is not None  # noqa: S101  # it is in one of both
            yield f"{sign} {_name(path, item)}"
            top = f"{path}/" if item.kind == "directory" else top


def _changed(name: str, before: Item, after: Item) -> Iterator[str]:
    path = legible(name)
    if before.kind != after.kind:
        yield f"~ {path} {before.kind} -> {after.kind}"
        return
    if before.size != after.size:
        yield f"~ {path} {before.size} -> {after.size} bytes"
    elif before.digest != after.digest:
        yield f"~ {path} {after.size} bytes, other content"
    if before.target != after.target:
        yield f"~ {path} link to {legible(before.target)} -> {legible(after.target)}"
    if before.mode != after.mode:
        yield f"~ {path} mode {before.mode:03o} -> {after.mode:03o}"
    if before.group != after.group:
        yield f"~ {path} {_linked(before)} -> {_linked(after)}"


def _linked(item: Item) -> str:
    return f"hard link to {legible(item.group)}" if item.group else "no hard link"


def _name(path: str, item: Item) -> str:
    return legible(f"{path}/" if item.kind == "directory" else path)


def _items(tree: Tree) -> str:
    return f"{len(tree)} item{'s' * (len(tree) != 1)}"


def _line(path: str, item: Item) -> str:
    name = _name(path, item)
    if item.kind == "link":
        return f"{name} -> {legible(item.target)}"
    if item.kind == "file":
        linked = f", hard link to {legible(item.group)}" if item.group not in ("", path) else ""
        return f"{name}  {item.size} bytes, {item.mode:03o}, {item.digest[:8]}{linked}"
    return name if item.kind == "directory" else f"{name}  (neither file nor directory)"
