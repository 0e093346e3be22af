"""Who has a file open from when to when: CreateFile and CloseFile paired by process and path, the last opened first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.details import access_of, fields, share_of
from pytest_fsfault._windows.sharing import ALL, READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._commands.procmon.rows import Row

_SUCCESS = "SUCCESS"
#: The operations that this module looks at; the others need not be shown to it.
OPERATIONS = frozenset(
    {
        "CreateFile", "CloseFile", "Load Image", "Process Exit", "SetDispositionInformationFile",
        "SetDispositionInformationEx", "SetRenameInformationFile", "SetRenameInformationEx",
    }
)  # fmt: skip
# As many at one path; of those beyond only the number is kept.
_MOST = 1000
# As many in all: more handles than that are not open at once, so a log in which they seem to be lacks its CloseFile
# rows, and the oldest are given up. Memory stays bounded.
_MOST_IN_ALL = 50_000


def folded(path: str) -> str:
    r"""Return a path as Windows compares names: without regard to case, final separators and ``\\?\``."""
    return path.removeprefix("\\\\?\\").replace("/", "\\").rstrip("\\").lower()


def is_below(path: str, directory: str) -> bool:
    """Return whether a folded path lies below a folded directory."""
    return path.startswith(directory + "\\")


@dataclass(slots=True, eq=False)
class LoggedOpening:
    """A handle, or the image of a running program or loaded library, which has none.

    `access` and `share` are bits. `closed` is None, and `closed_text` says why, when the log ends first.
    """

    process: str
    pid: str
    path: str
    access: int
    share: int
    opened: float
    opened_text: str
    kind: str = "handle"
    directory: bool | None = None
    closed: float | None = None
    closed_text: str = ""


@dataclass(slots=True)
class Deletion:
    """Who asked for the deletion of a file that then stayed, since it was open."""

    process: str
    pid: str
    time_text: str


class LoggedOpenings:
    """What is open at the row that was shown last."""

    def __init__(self) -> None:
        self._open: dict[str, list[LoggedOpening]] = {}  # by folded path, in the order of opening
        self._count = 0
        self._surplus: dict[tuple[str, str], int] = {}
        self._renamed: dict[tuple[str, str], str] = {}  # process and old name of a handle: its new name
        self.deletions: dict[str, Deletion] = {}

    def show(self, row: Row, moment: float) -> None:
        """Record one row; `moment` is its time in seconds."""
        if row.operation == "Process Exit":
            self._exit(row, moment)
        elif row.operation == "CloseFile":
            self._close(row, moment)
        elif row.result == _SUCCESS:
            self._succeeded(row, moment)

    def at(self, path: str) -> Iterator[LoggedOpening]:
        """Yield what is open at this folded path."""
        yield from self._open.get(path, ())

    def below(self, directory: str) -> Iterator[LoggedOpening]:
        """Yield what is open below this folded path."""
        for path, there in self._open.items():
            if is_below(path, directory):
                yield from there

    def _succeeded(self, row: Row, moment: float) -> None:
        detail = fields(row.detail)
        if row.operation == "CreateFile":
            self._add(self._handle(row, moment, detail))
            if "Delete On Close" in detail.get("Options", ""):
                self._deleted(row)
        elif row.operation == "Load Image":
            share = ALL & ~WRITE  # what a running program or a loaded library lets others do with its file
            self._add(
                LoggedOpening(
                    row.process, row.pid, row.path, READ, share, moment, row.time, "image", directory=False
                )
            )
        elif row.operation.startswith("SetDisposition"):
            if detail.get("Delete", "True") == "True" and "DO_NOT_DELETE" not in detail.get("Flags", ""):
                self._deleted(row)
        elif "FileName" in detail:
            self._rename(folded(row.path), folded(detail["FileName"]))

    def _handle(self, row: Row, moment: float, detail: dict[str, str]) -> LoggedOpening:
        # A new name is there again: what was to be deleted is gone.
        if detail.get("OpenResult") in {"Created", "Superseded"}:
            self.deletions.pop(folded(row.path), None)
        access, share = access_of(detail.get("Desired Access", "")), share_of(detail.get("ShareMode", ""))
        directory = is_directory(detail)
        return LoggedOpening(
            row.process, row.pid, row.path, access, share, moment, row.time, directory=directory
        )

    def _add(self, opening: LoggedOpening) -> None:
        path = folded(opening.path)
        there = self._open.setdefault(path, [])
        if len(there) >= _MOST:
            key = opening.pid, path
            self._surplus[key] = self._surplus.get(key, 0) + 1
            return
        there.append(opening)
        self._count += 1
        if self._count > _MOST_IN_ALL:
            oldest = next(iter(self._open))
            self._count -= len(self._open.pop(oldest))

    def _close(self, row: Row, moment: float) -> None:
        path = folded(row.path)
        if self._surplus.get((row.pid, path)):
            self._surplus[row.pid, path] -= 1
            return
        if self._end(row, moment, path):
            return
        # A handle that was renamed may be closed under the name by which it was opened.
        if (there := self._renamed.pop((row.pid, path), None)) is not None:
            self._end(row, moment, there)

    def _end(self, row: Row, moment: float, path: str) -> bool:
        for opening in reversed(self._open.get(path, [])):
            if opening.pid == row.pid and opening.kind == "handle":
                self._end_all(path, [opening], moment, row.time)
                return True
        return False

    def _forget(self, path: str) -> None:
        del self._open[path]
        self.deletions.pop(path, None)  # with the last handle a deleted file goes

    def _exit(self, row: Row, moment: float) -> None:
        for path, there in list(self._open.items()):
            gone = [opening for opening in there if opening.pid == row.pid]
            if gone:
                self._end_all(path, gone, moment, row.time)
        for kept in (self._surplus, self._renamed):
            for key in [key for key in kept if key[0] == row.pid]:
                del kept[key]

    def _end_all(self, path: str, gone: list[LoggedOpening], moment: float, text: str) -> None:
        there = self._open[path]
        for opening in gone:
            _finish(opening, moment, text)
            there.remove(opening)
        self._count -= len(gone)
        if not there:
            self._forget(path)

    def _deleted(self, row: Row) -> None:
        self.deletions[folded(row.path)] = Deletion(row.process, row.pid, row.time)

    def _rename(self, old: str, new: str) -> None:
        moved = self._open.pop(old, [])
        for opening in moved:
            self._renamed[opening.pid, old] = new
        if moved:
            self._open.setdefault(new, []).extend(moved)


def is_directory(detail: dict[str, str]) -> bool | None:
    """Return whether a CreateFile was for a directory; None if its options leave it open."""
    options = detail.get("Options", "")
    if "Non-Directory File" in options:
        return False
    return True if "Directory" in options.split(", ") else None


def _finish(opening: LoggedOpening, moment: float, text: str) -> None:
    opening.closed, opening.closed_text = moment, text
