"""Windows, the object that users hold: who has what open, and what kind of Windows it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._windows.holders import scanners
from pytest_fsfault._windows.holders.holds import KINDS, Hold
from pytest_fsfault._windows.lookup import Location
from pytest_fsfault._windows.platform.constants import CONSTANTS
from pytest_fsfault._windows.sharing import WRITE, Opening, bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._windows.model import WindowsModel
    from pytest_fsfault._windows.platform.pretend import Pretence
    from pytest_fsfault._windows.state import WindowsState

    Path = str | os.PathLike[str]

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_EVER = float("inf")
_LETTERS = deferred("[rwd]*")
# Kinds of holds that only a file can have.
_OF_FILES = frozenset({"image", "library", "section"})


class Windows:
    """The Windows model of one session: declare what others have open, and how the machine is set up."""

    __module__ = "pytest_fsfault"

    def __init__(self, model: WindowsModel, site: Callable[[], str]) -> None:
        self._model = model
        self._site = site
        self._pretences: list[Pretence] = []

    @property
    def _state(self) -> WindowsState:
        # Another one on a fake file system than on the real one.
        return self._model.state

    @property
    def version(self) -> str:
        """The version of Windows that is emulated, such as ``"11"``."""
        return self._state.version.name

    @property
    def holds(self) -> list[Hold]:
        """Who holds what now, declared or of a scanner's, in the order in which they came."""
        return list(self._state.holds)

    def hold(
        self, path: Path | None = None, access: str = "r", share: str = "rw", *, seconds: float | None = None,
        on: str | None = None, by: str = "",
    ) -> Hold:  # fmt: skip
        """Pretend that another process has a file or directory open.

        `access` and `share` are letters out of r, w and d (delete): an empty `access` is attributes only, an
        empty `share` shares nothing. `seconds` (virtual) end it; `on`, a glob such as ``"*.dll"`` instead of a
        path, lets it begin when such a file is written and closed; `by`, such as ``"mfetp.exe (Trellix)"``, says
        in every message who it is. It is granted even where it would itself be refused. Raise FsFaultError
        for a path at which there is nothing.
        """
        opening = Opening(_letters("access", access), _letters("share", share), "handle", self._site())
        return self._begin(opening, path, seconds, on, by)

    def run(
        self,
        path: Path | None = None,
        *,
        seconds: float | None = None,
        on: str | None = None,
        by: str = "",
    ) -> Hold:
        """Pretend that a program is running: its file can be renamed, but neither deleted, replaced nor written."""
        return self._begin(self._opening("image"), path, seconds, on, by)

    def load(
        self,
        path: Path | None = None,
        *,
        seconds: float | None = None,
        on: str | None = None,
        by: str = "",
    ) -> Hold:
        """Pretend that a library is loaded: its file can be renamed, but neither deleted, replaced nor written."""
        return self._begin(self._opening("library"), path, seconds, on, by)

    def map(
        self,
        path: Path | None = None,
        access: str = "rw",
        *,
        seconds: float | None = None,
        on: str | None = None,
        by: str = "",
    ) -> Hold:
        """Pretend that another process has a file mapped, without a handle: cutting or emptying it is refused."""
        # A section that can be written counts as a writer to who does not share that.
        opening = self._opening("section")._replace(access=_letters("access", access) & WRITE)
        return self._begin(opening, path, seconds, on, by)

    def enter(self, directory: Path, *, seconds: float | None = None, by: str = "") -> Hold:
        """Pretend that a directory is the current one of another process: it can be neither removed nor renamed."""
        return self._begin(self._opening("cwd"), directory, seconds, None, by)

    def programs(self, pattern: str, share: str) -> None:
        """Say what the files share that some native programs open, in the place of what their runtime does.

        `pattern` is a glob for the base name of the executable, such as ``"uv*"``; `share` are letters as in `hold`.
        """
        if not isinstance(pattern, str) or not pattern or "/" in pattern:
            raise FsFaultError(
                f"programs({pattern!r}) matches no program; write a glob for the name of an executable, such as 'uv*'"
            )
        self._state.open_files.sharing.declare(pattern, _letters("share", share))

    def watch(self, directory: Path, *, seconds: float | None = None, by: str = "") -> Hold:
        """Pretend that another process waits for changes in a directory: renaming a directory above it is refused."""
        return self._begin(self._opening("watch"), directory, seconds, None, by)

    def set_attributes(
        self, path: Path, readonly: bool | None = None, hidden: bool | None = None, system: bool | None = None
    ) -> None:
        """Set or clear attributes of a file or directory; None leaves one as it is."""
        given = {"readonly": readonly, "hidden": hidden, "system": system}
        if not any(value is not None for value in given.values()):
            raise FsFaultError(
                "set_attributes() sets nothing; write readonly=True, hidden=True or system=True"
            )
        for name, value in given.items():
            if value not in (None, True, False):
                raise FsFaultError(f"{name}={value!r} is not valid; write {name}=True or {name}=False")
        location = self._watched(path, "set_attributes")
        for name, value in (("hidden", hidden), ("system", system)):
            if value is not None:
                self._state.set_attribute(location, name, bool(value))
        if readonly is not None:
            self._set_readonly(location, bool(readonly))

    def _set_readonly(self, location: Location, value: bool) -> None:
        if location.is_directory:
            self._state.set_attribute(location, "readonly", value)
            return
        assert location.status is not None  # noqa: S101  # found
        mode = location.status.st_mode & 0o777
        self._state.native.chmod(location.path, mode & ~0o222 if value else mode | 0o200)

    def volume(self, directory: Path) -> None:
        """Treat a directory as another drive: renames and links across its border are refused with 17."""
        location = self._watched(directory, "volume")
        if not location.is_directory:
            raise FsFaultError(f"volume({os.fspath(directory)!r}): it is a file; name a directory")
        self._state.volumes.append(location.path)
        self._state.changed()

    def scanner(
        self, name: str | None = None, *, hold: str | None = None, share: str | None = None,
        on: str | None = None, delay: str | None = None,
    ) -> None:  # fmt: skip
        """Let a scanner open files for a while once they were written and closed, or renamed into place.

        `name` is a known one, such as ``"defender"``; the keywords take the place of its figures. `hold` and
        `delay` are times such as ``"31ms..800ms"`` or ``"lognormal(31ms, 265ms)"`` (median and 99th percentile).
        They are drawn by the seed of the run, so that a test may fail for some seeds and pass for others:
        ``hold="p99"`` holds each file for the 99th percentile.
        """
        made = scanners.scanner(name, hold=hold, share=share, on=on, delay=delay)
        self._model.reactions.add(made, declared=True)

    def pretend(self, *modules: str, constants: Iterable[str] = CONSTANTS) -> Pretence:
        """Let modules (globs) see Windows: ``sys.platform``, ``os.name``, and their own constants of these names."""
        from pytest_fsfault._windows.platform.pretend import pretend  # noqa: PLC0415  # for who asks for it

        made = pretend(*modules, constants=tuple(constants))
        made.start()
        self._pretences.append(made)
        return made

    def _opening(self, kind: str) -> Opening:
        access, share = KINDS[kind]
        return Opening(access, share, kind, self._site())

    def _begin(
        self, opening: Opening, path: Path | None, seconds: float | None, on: str | None, by: str
    ) -> Hold:
        holds, now = self._state.holds, self._state.now()
        length, by = _seconds(seconds), _label(by)
        if (path is None) == (on is None):
            raise FsFaultError("a hold needs a path, or on= with a glob such as '*.dll', and not both")
        if on is not None:
            if not isinstance(on, str) or not on.strip():
                raise FsFaultError(f"on={on!r} is not a glob; write one such as on='*.dll'")
            hold = Hold(holds, opening, since=now, until=_EVER, declared=True, on=on, by=by)
            hold.seconds = length
            return holds.add(hold, None)
        assert path is not None  # noqa: S101  # of the two one is there
        location = self._find(path, "a hold")
        if opening.kind in {"cwd", "watch"} and not location.is_directory:
            raise FsFaultError(f"{os.fspath(path)!r} is a file; name a directory to enter or watch")
        if opening.kind in _OF_FILES and location.is_directory:
            raise FsFaultError(
                f"{os.fspath(path)!r} is a directory, which is neither run, loaded nor mapped; name a file"
            )
        hold = Hold(holds, opening, since=now, until=now + length, declared=True, by=by)
        return holds.add(hold, location.identity, self._state.real(location.path))

    def _find(self, path: Path, what: str) -> Location:
        try:
            text = os.fsdecode(os.fspath(path))
        except TypeError:
            raise FsFaultError(f"{path!r} is not a path; name a file or a directory") from None
        native = self._state.native
        location = self._state.lookup.find(str(native.absolute(text)))
        if location.is_link:
            location = Location(
                str(native.realpath(location.path)), self._state.lookup.follow(location).status
            )
        if not location.exists:
            hint = "; write on='*.dll' for one that is yet to be written" if what == "a hold" else ""
            raise FsFaultError(
                f"{text!r} does not exist, so {what} finds nothing there; name what exists{hint}"
            )
        return location

    def _watched(self, path: Path, what: str) -> Location:
        location = self._find(path, what)
        if not self._state.is_fake and self._state.roots.leave_out(location.path):
            raise FsFaultError(
                f"{what}({os.fspath(path)!r}) is outside the roots, where no call is met; name what is below them, "
                "or watch it by roots="
            )
        return location

    def close(self) -> None:
        """Close all holds."""
        for pretence in reversed(self._pretences):
            pretence.stop()
        self._model.finish()


def _letters(name: str, letters: object) -> int:
    if not isinstance(letters, str) or not _LETTERS.fullmatch(letters):
        raise FsFaultError(
            f"{name}={letters!r} is not valid; write letters out of r (read), w (write) and d (delete)"
        )
    return bits(letters)


def _label(by: Any) -> str:
    if not isinstance(by, str) or not by.isprintable():
        raise FsFaultError(
            f"by={by!r} is not valid; write a text without control characters, such as by='mfetp.exe (Trellix)'"
        )
    return by.strip()


def _seconds(seconds: Any) -> float:
    if seconds is None:
        return _EVER
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < _EVER:
        raise FsFaultError(
            f"seconds={seconds!r} is not valid; write a number of seconds above 0, such as seconds=1.5"
        )
    return float(seconds)
