"""Take snapshots of directories, quickly, and without reading a file twice that has not changed."""

from __future__ import annotations

import os
from hashlib import blake2b
from stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from time import sleep, time_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.links import is_junction, is_link
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._prove.tree import Item, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions

_CHUNK = 1 << 20
# A pipe that has taken a file's place would keep an open() without O_NONBLOCK waiting.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
# Two writes within one tick of the file system's clock leave the same times: only a file that was old already
# when it was read is known by them. Ticks last up to 10 ms on Linux and 2 s on FAT.
_SETTLED = 2_000_000_000
# A file of this size is worth a wait of two ticks, after which any change shows in its times.
_LARGE = 8 << 20
_TICKS = 20_000_000
_SECOND = 1_000_000_000
# With more digests than these, those that one snapshot and the next do not meet are forgotten.
_REMEMBERED = 10_000
_BYTES = 16  # of a digest
_EMPTY = blake2b(b"", digest_size=_BYTES).hexdigest()
_PERMISSIONS = 0o7777


class Snapshots:
    """Take snapshots; a file that has not changed in between is read once.

    `clock` tells nanoseconds as the file system's times have them; None: these tell nothing, and each file is read.
    So it is on Windows, where no time that Python knows is that of the last change: `st_ctime` is that of the
    creation, which a new file of an old name takes over (tunneling), and who writes may set the other one back.
    https://learn.microsoft.com/windows/win32/sysinfo/file-times
    """

    def __init__(
        self,
        native: NativeFunctions,
        clock: Callable[[], int] | None = time_ns,
        *,
        on_windows: bool = IGNORES_CASE,
    ) -> None:
        self._native = native
        self._clock = None if on_windows else clock
        # There a listing knows no numbers of files and no links, and sizes as of the last close.
        # https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-findfirstfilew
        self._looks = on_windows
        self._settled = 0
        self._digests: dict[tuple[int, ...], str] = {}
        self._older: dict[tuple[int, ...], str] = {}  # those that no later snapshot has met yet

    def take(self, root: str) -> Tree:
        """Return what is at `root` now, links not followed; also if nothing is."""
        self._settled = 0 if self._clock is None else self._clock() - _SETTLED
        if len(self._digests) > _REMEMBERED:
            # A tree that is built again for each trial has new files each time: what is not met again is forgotten.
            self._older, self._digests = self._digests, {}
        items: dict[str, Item] = {}
        try:
            status = self._native.lstat(root)
        except OSError:
            return Tree(root, "missing", items)
        if S_IFMT(status.st_mode) != S_IFDIR or is_link(status):
            items["."] = self._item(root, status)
            return Tree(root, items["."].kind, items)
        links: dict[tuple[int, int], list[str]] = {}
        below = [(root, "")]
        while below:
            directory, prefix = below.pop()
            try:
                with self._native.scandir(directory) as entries:
                    self._enter(
                        self._looked_at(entries) if self._looks else entries, prefix, items, links, below
                    )
            except OSError:
                continue  # it went, or may not be listed: it stands there as empty
        _group(items, links)
        return Tree(root, "directory", items)

    def _looked_at(self, entries: Any) -> Iterator[_Entry]:
        """Yield entries that know of a file what `lstat` says."""
        for entry in entries:
            yield _Entry(entry.name, entry.path, self._native)

    # One loop without a call that it can do without: it sees every file of every trial.
    def _enter(
        self,
        entries: Any,
        prefix: str,
        items: dict[str, Item],
        links: dict[tuple[int, int], list[str]],
        below: list[tuple[str, str]],
    ) -> None:
        make, digest = tuple.__new__, self._digest
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it went in between
            name, mode = prefix + entry.name, status.st_mode
            kind = mode & 0o170000
            if kind == S_IFREG:
                size = status.st_size
                content = digest(entry.path, status) if size else _EMPTY
                items[name] = make(Item, ("file", size, content, mode & _PERMISSIONS, "", ""))
            elif kind == S_IFDIR:
                items[name] = make(Item, ("directory", 0, "", mode & _PERMISSIONS, "", ""))
                below.append((entry.path, f"{name}/"))
                continue
            else:
                items[name] = self._item(entry.path, status)
            if status.st_nlink > 1:
                links.setdefault((status.st_dev, status.st_ino), []).append(name)

    def _item(self, path: str, status: os.stat_result) -> Item:
        kind, permissions = S_IFMT(status.st_mode), status.st_mode & _PERMISSIONS
        if kind == S_IFREG:
            return Item("file", status.st_size, self._digest(path, status), permissions)
        if is_link(status):
            return Item("link", target=self._target(path))
        return Item("other", digest=f"{kind:o}", mode=permissions)

    def _target(self, path: str) -> str:
        try:
            return os.fsdecode(self._native.readlink(path))
        except OSError as error:
            return f"({error.strerror})"

    def expect(self, tree: Tree) -> None:
        """Record that this tree has just been built again: its large files need not be read anew.

        Raise nothing for what is not there: it is seen to be missing later.
        """
        time = self._clock
        if time is None:
            return
        for path, item in tree.items():
            if item.size < _LARGE:
                continue
            try:
                status = self._native.lstat(os.path.join(tree.root, path))
            except OSError:
                continue
            changed = max(status.st_ctime_ns, status.st_mtime_ns)
            if status.st_size == item.size and changed % _SECOND:  # else the times may be too coarse
                while 0 <= time() - changed < _TICKS:
                    sleep(0.002)
                self._digests[_stamp(status)] = item.digest

    def _digest(self, path: str, status: os.stat_result) -> str:
        if self._clock is None:
            return self._read(path, status.st_size)
        fresh = status.st_ctime_ns >= self._settled or status.st_mtime_ns >= self._settled
        if fresh and status.st_size < _LARGE:
            return self._read(path, status.st_size)
        stamp = _stamp(status)
        known = self._digests.get(stamp)
        if known is None:
            known = self._older.pop(stamp, None)
            if known is None:
                known = self._read(path, status.st_size)
                if fresh:
                    return known
            self._digests[stamp] = known
        return known

    def _read(self, path: str, size: int) -> str:
        native = self._native
        try:
            descriptor = native.open(path, _FLAGS)
        except OSError as error:
            return f"({error.strerror})"
        try:
            data = native.read(descriptor, size + 1 if size < _CHUNK else _CHUNK)
            state = blake2b(data, digest_size=_BYTES)
            if len(data) != size:
                while data:  # a large file, or one that grows
                    data = native.read(descriptor, _CHUNK)
                    state.update(data)
        except OSError as error:
            return f"({error.strerror})"
        finally:
            native.close(descriptor)
        return state.hexdigest()


class _Entry(Row):
    """An entry of a listing on Windows, where the listing itself does not know enough."""

    name: str
    path: str
    native: NativeFunctions

    def stat(self, *, follow_symlinks: bool) -> Any:
        """Return what `lstat` says; a junction is a link."""
        del follow_symlinks
        status = self.native.lstat(self.path)
        return _JUNCTION if is_junction(status) else status


_JUNCTION = SimpleNamespace(st_mode=S_IFLNK, st_nlink=1)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells that a file is still the one that was read."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _group(items: dict[str, Item], links: dict[tuple[int, int], list[str]]) -> None:
    """Tell the hard links within the tree: each carries the first name of its file."""
    for names in links.values():
        if len(names) > 1:
            first = min(names)
            for name in names:
                items[name] = items[name]._replace(group=first)
